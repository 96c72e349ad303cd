/// Tunes each headline method of the comparison with the same small grid: all learning rates of its config times 1/3, 1 and 3, on each target,
/// at the comparison's budget, on seed 100, which the comparison does not use. The best setting is copied by hand into
/// `configs/tuned/<data>-<method>.yaml`; if it is at an end of the grid, the method is tuned again from there.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open Ebm.Sweeps
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

let everywhere = given "train=equal-budget" >> given "train.budget=2000000" >> given "measure=comparison" >> given "seed=100"

let tuning =
    either [
        for data in [ "gaussians"; "rings"; "checkerboard" ] do
            for method in methods do
                let one = given $"data={data}" >> given $"method={method}" >> everywhere
                let rates = configured __SOURCE_DIRECTORY__ one "train.*lr"

                for factor in [ 1.0 / 3.0; 1.0; 3.0 ] do
                    (one, rates) ||> List.fold (fun sweep (path, rate) -> sweep >> axis path [ float (sprintf "%.3g" (factor * rate)) ])
    ]

exit (Cli.main __SOURCE_DIRECTORY__ (sweep "tuning" |> tuning) (Array.tail fsi.CommandLineArgs))
