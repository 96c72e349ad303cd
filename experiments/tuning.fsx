/// Equal tuning: for each method of the comparison's headline the same small grid, all its learning rates times 1/3, 1 and 3 of what its
/// configs say, on each target, at the comparison's budget, on seed 100, which no comparison is judged on. What comes out best goes by hand
/// into `configs/tuned/<data>-<method>.yaml`; a method whose best lies at an end of the grid is tuned again from there.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System.Globalization
open System.IO
open Ebm.Sweeps
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Declare

let methods = [
    "joint-cd"
    "recovery-likelihood"
    "denoising-ebm"
    "generalized-ebm"
    "generalized-ebm-mlp"
    "contrastive-divergence"
    "denoising-score"
    "flow"
]

let configs = Composer(Configs(Path.Combine(__SOURCE_DIRECTORY__, "configs")), "sweep")

/// Every learning rate that the configs give a pair of data and method: train.lr, and those of single parts.
let rates data method =
    let chosen = [ for choice in [ $"data={data}"; $"method={method}"; "train=equal-budget" ] -> Overrides.parse choice ]
    let composed =
        configs.Compose [
            for choice in chosen ->
                choice,
                (match choice.Setting with
                 | Some(Values.One value) -> Some value
                 | _ -> None)
        ]

    [
        for struct (path, leaf) in composed.Config.Leaves() do
            if path.StartsWith "train." && path.EndsWith ".lr" then
                path, System.Double.Parse(string leaf, CultureInfo.InvariantCulture)
    ]

let times factor (path: string, rate: float) = given (path + "=" + (factor * rate).ToString("G3", CultureInfo.InvariantCulture))

sweep "tuning"
|> either [
    for data in [ "gaussians"; "rings"; "checkerboard" ] do
        for method in methods do
            for factor in [ 1.0 / 3.0; 1.0; 3.0 ] do
                List.fold (>>) (given $"data={data}" >> given $"method={method}") [ for rate in rates data method -> times factor rate ]
]
|> given "seed=100"
|> given "train=equal-budget"
|> given "train.budget=2000000"
|> given "measure=comparison"
|> fun declared -> exit (Cli.main __SOURCE_DIRECTORY__ declared (Array.tail fsi.CommandLineArgs))
