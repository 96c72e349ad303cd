/// Every run's configuration, metrics and outcome as JSON, from which the report's script shows one run. Values that all runs share are
/// written once, values of a group once per group, and the definition of a metric once.
module Ebm.Analysis.RunData

open System
open System.Globalization
open Ebm.Analysis.Fields
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table

let private invariant = CultureInfo.InvariantCulture

/// The unit of cost, with three digits.
let units (value: float) = (Figure.rounded 3 value) + " units"

/// The origin of each setting, from the manifest.
let private origins (folders: Map<string, RunFolder * RunManifest>) (run: Run) =
    match folders.TryFind run.Id |> Option.bind (fun (_, manifest) -> Option.ofObj manifest.Origins) with
    | None -> Map.empty
    | Some origins -> Map [ for KeyValue(key, from) in origins -> key, from ]

/// `folders` are the runs' folders and manifests, by id.
let of' (table: Table) (folders: Map<string, RunFolder * RunManifest>) =
    let constant = Map.ofList table.Constant
    let runs = table.Rows |> List.collect _.Runs
    let heads = runs |> List.distinctBy _.Group |> List.map (fun run -> run.Group, (run.Config, origins folders run)) |> Map.ofList
    let about (name: string, metric: Metric) = name, metric.Unit, metric.Better.Word(), defaultArg metric.Protocol ""
    let metrics = runs |> List.collect (fun run -> run.Metrics |> Map.toList |> List.map about) |> List.distinct
    let index = metrics |> List.mapi (fun i metric -> metric, i) |> dict
    let places = table.Metrics |> List.mapi (fun i name -> name, i) |> Map.ofList
    let place name = defaultArg (places.TryFind name) Int32.MaxValue
    let settings (without: Map<string, string>) = Map.filter (fun key value -> without.TryFind key <> Some value)

    let facts (run: Run) found = [
        "seed", Some run.Seed
        "ended", Some(run.Reason |> Option.map (fun reason -> $"at step {run.Step}: {reason}") |> Option.defaultValue $"at step {run.Step}")
        "asked for by",
        found |> Option.map (fun (_, manifest: RunManifest) -> String.Join(" ", manifest.Overrides)) |> Option.filter ((<>) "")
        "attempt", found |> Option.map (fun (_, manifest) -> manifest.Attempt.ToString invariant) |> Option.filter ((<>) "1")
        "training", run.TrainUnits |> Option.map (fun n -> units (float n))
        "drawing samples", run.SampleUnits |> Option.map (fun n -> units (float n))
        "took", run.Seconds |> Option.map (fun seconds -> seconds.ToString("0", invariant) + " s")
        "peak memory",
        found
        |> Option.bind (fun (_, manifest) -> Option.ofObj manifest.Peak)
        |> Option.map (fun peak -> Figure.rounded 3 (float peak.Rss / 1e6) + " MB")
    ]

    let value (name, metric: Metric) : obj list = [
        index[about (name, metric)]
        metric.Value
        for se in Option.toList metric.Se do
            Double.Parse(se.ToString("G3", invariant), invariant)
    ]

    let diagnosis = runs |> Array.ofList |> Array.Parallel.map (fun run -> run.Id, Diagnosis.ofRun run) |> readOnlyDict

    let finding (found: Finding.Finding) = [
        found.Check
        Diagnosis.word found.Verdict
        found.Says
        String.Join("; ", found.Evidence)
        defaultArg found.Try ""
    ]

    let log (run: Run) found =
        match found with
        | Some(folder, _) when run.State <> RunState.Completed -> LastWords.of' folder |> Some |> Option.filter ((<>) "")
        | _ -> None

    fields [
        "constant" => constant
        "groups" => Map.map (fun _ (config, _) -> settings constant config) heads
        "origins" => Map.map (fun _ (_, origins) -> origins) heads
        "metrics" => [ for name, unit, better, protocol in metrics -> [ name; unit; better; protocol ] ]
        "runs"
        => [
            for run in runs ->
                let found = folders.TryFind run.Id

                fields [
                    "id" => run.Id
                    "state" => run.State
                    "facts"
                    => [
                        for name, says in facts run found do
                            for says in Option.toList says -> [ name; says ]
                    ]
                    "group" => run.Group
                    "config" => settings (fst heads[run.Group]) run.Config
                    "origins" => settings (snd heads[run.Group]) (origins folders run)
                    "values"
                    => [ for KeyValue(name, metric) in run.Metrics |> Seq.sortBy (fun found -> place found.Key) -> value (name, metric) ]
                    "diagnosis" => List.map finding diagnosis[run.Id]
                    "log" => log run found
                ]
        ]
    ]
