/// A generalized energy-based model on a flow against the same flow by maximum likelihood, on three tables of measurements: test NLL in nats,
/// paired over ten seeds, which decide split, weights and batches. The flow trains once for as long as the model's base does, and once for
/// the model's whole budget. `dotnet fsi experiments/tabular.fsx` runs what is missing; words behind it are sweep.fsx's.
#load "_bootstrap.fsx"
#load "_refs.fsx"

open System
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
    |> given "rival=zip(method=[generalized-ebm,flow,flow],train.budget=[250000,250000,62500])"
    |> fun declared -> Cli.main __SOURCE_DIRECTORY__ declared arguments

/// The folder that --runs names, or the usual one.
let runs =
    match List.tryFindIndex ((=) "--runs") arguments with
    | Some i -> arguments[i + 1]
    | None -> Path.Combine(Path.GetDirectoryName __SOURCE_DIRECTORY__, "runs")

let completed =
    fst (Runs.under (Path.Combine(runs, "tabular"))) |> List.filter (fun run -> run.State = "completed" && run.Metrics.ContainsKey "nll")

printfn "\n| table | rival | pairs | model's NLL less the rival's, mean [95 %% interval] | median | wins |\n|---|---|---|---|---|---|"

for (table, rival), pairs in
    [
        for model in completed do
            for other in completed do
                let key (run: Runs.Run) = run.Config["data.file"], run.Seed
                if model.Config["method.kind"] = "generalized-ebm" && other.Config["method.kind"] = "flow" && key model = key other then
                    (Path.GetFileNameWithoutExtension model.Config["data.file"], other.Config["train.budget"]),
                    model.Metrics["nll"].Value - other.Metrics["nll"].Value
    ]
    |> List.groupBy fst do
    let apart = pairs |> List.map snd
    let found = Statistics.summarise false apart
    let half = if apart.Length < 3 then nan else Statistics.halfWidth apart
    let wins = apart |> List.filter (fun a -> a < 0.0) |> List.length
    printfn $"| {table} | the flow, {rival} units | {apart.Length} | {found.Mean:F3} [{found.Mean - half:F3}, {found.Mean + half:F3}] | {found.Median:F3} | {wins} |"

exit code
