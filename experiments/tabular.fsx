/// A generalized energy-based model on a flow against the same flow by maximum likelihood, on three tables of measurements: test NLL in nats at
/// one budget, paired over ten seeds, which decide split, weights and batches. `dotnet fsi experiments/tabular.fsx` runs what is missing;
/// words behind it are sweep.fsx's.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System.IO
open Ebm.Analysis
open Ebm.Sweeps
open Ebm.Sweeps.Declare

let arguments = List.ofArray (Array.tail fsi.CommandLineArgs)

let code =
    sweep "tabular"
    |> given "train=tabular"
    |> given "measure=tabular"
    |> seeds 10
    |> axis "data" [ "red-wine"; "white-wine"; "parkinsons" ]
    |> axis "method" [ "generalized-ebm"; "flow" ]
    |> fun declared -> Cli.main __SOURCE_DIRECTORY__ declared arguments

/// The folder that --runs names, or the usual one.
let runs =
    match List.tryFindIndex ((=) "--runs") arguments with
    | Some i -> arguments[i + 1]
    | None -> Path.Combine(Path.GetDirectoryName __SOURCE_DIRECTORY__, "runs")

let found = fst (Runs.under (Path.Combine(runs, "tabular")))
let asked group (run: Runs.Run) = run.Asked |> Map.tryFind group |> Option.defaultValue "?"

// Pair by pair against the flow.
Paired.against (asked "data") (asked "method") "nll" "flow" found |> List.iter (printfn "%s")
exit code
