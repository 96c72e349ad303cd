/// Every method on three targets whose density is known, at one budget of gradient evaluations: the eight of the headline with ten paired
/// seeds, the others with three. Seeds come first, so that a comparison that is stopped has every method equally often; the same command
/// goes on from there, and `table` shows how far it is. About half a minute a run on one core; `experiments/tuning.fsx` is where the
/// learning rates come from, on a seed that is not judged here.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Analysis
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let headline = [
    "joint-cd"
    "recovery-likelihood"
    "denoising-ebm"
    "generalized-ebm"
    "generalized-ebm-mlp"
    "contrastive-divergence"
    "denoising-score"
    "flow"
]

let others = [ "gan"; "level-classifier"; "energy-matching" ]

let on (seeds: int list) (methods: string list) =
    axis "seed" seeds >> axis "data" [ "gaussians"; "rings"; "checkerboard" ] >> axis "method" methods

let arguments = List.ofArray (Array.tail fsi.CommandLineArgs)

let code =
    sweep "comparison"
    |> given "train=equal-budget"
    |> given "train.budget=2000000"
    |> given "measure=comparison"
    |> either [ on [ 0..2 ] (headline @ others); on [ 3..9 ] headline ]
    |> fun declared -> Cli.main __SOURCE_DIRECTORY__ declared arguments

// Pair by pair against persistent contrastive divergence.
let runs =
    match List.tryFindIndex ((=) "--runs") arguments with
    | Some i -> arguments[i + 1]
    | None -> Path.Combine(__SOURCE_DIRECTORY__, "..", "runs")

for metric in [ "grid-kl"; "energy-distance" ] do
    let asked group (run: Runs.Run) = run.Asked |> Map.tryFind group |> Option.defaultValue "?"
    let found = fst (Runs.under (Path.Combine(runs, "comparison")))
    Paired.against (asked "data") (asked "method") metric "contrastive-divergence" found |> List.iter (printfn "%s")
    printfn ""

exit code
