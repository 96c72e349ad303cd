/// Equal tuning: for each method of the comparison's headline the same small grid, all its learning rates times 1/3, 1 and 3 of what its
/// configs say, on each target, at the comparison's budget, on seed 100, which no comparison is judged on. What comes out best goes by hand
/// into `configs/tuned/<data>-<method>.yaml`; a method whose best lies at an end of the grid is tuned again from there.
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

let everywhere =
    given "train=equal-budget" >> given "train.budget=2000000" >> given "measure=comparison" >> given "seed=100"

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
