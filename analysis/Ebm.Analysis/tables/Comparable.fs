/// Runs that may not be averaged: with other data under the same settings and seed, or with another protocol or number of samples for a
/// metric. They get a separate row, labelled by the difference, which is not compared. Runs of other code are compared, with a warning.
module Ebm.Analysis.Comparable

open System
open Ebm.Analysis.Runs
open Ebm.Records

/// The settings of the data: runs of one task are compared, runs of different tasks are not.
let task (run: Run) =
    run.Config
    |> Map.filter (fun key _ -> key.StartsWith("data.", StringComparison.Ordinal))
    |> Map.toSeq
    |> Seq.map (fun (key, value) -> $"{key}={value}\n")
    |> String.concat ""

let private digest (run: Run) = String.Join(' ', run.Data |> List.map snd)

/// The most frequent value; of equally frequent ones, the first in ordinal order.
let usual (values: string seq) =
    values
    |> Seq.countBy id
    |> Seq.sortWith (fun (a, n) (b, m) -> if n <> m then compare m n else String.CompareOrdinal(a, b))
    |> Seq.tryHead
    |> Option.map fst

/// The family of a metric: grid-kl for grid-kl/border.
let family (metric: string) = (metric.Split '/')[0]

/// The protocol of a value as text: values of equal texts are comparable.
let protocolOf (metric: Metric) = defaultArg metric.Protocol ""

let samplesOf (metric: Metric) = metric.N |> Option.map string |> Option.defaultValue ""

let private short (text: string) = if text.Length > 12 then text.Substring(0, 12) else text

/// The differences of runs from the others of their configuration, by run: pairs of the property and its value here. A run like the others
/// has none.
let differences (runs: Run list) : Map<string, (string * string) list> =
    // The split of the data depends on the seed, so digests are compared between runs of one seed.
    let usualDigest =
        runs
        |> List.filter (fun run -> not run.Data.IsEmpty)
        |> List.groupBy (fun run -> task run, run.Seed)
        |> List.map (fun (key, runs) -> key, usual (Seq.map digest runs))
        |> Map.ofList

    let inGroup (group: Run list) =
        let completed = group |> List.filter (fun run -> run.State = RunState.Completed)
        let names = completed |> Seq.collect _.Metrics.Keys |> Seq.distinct |> List.ofSeq

        let differing what (text: Metric -> string) = [
            for name in names do
                let here = completed |> List.choose (fun run -> run.Metrics.TryFind name) |> List.map text

                match List.distinct here with
                | []
                | [ _ ] -> ()
                | _ -> name, $"{name} {what}", text, (usual here).Value
        ]

        let measured = differing "protocol" protocolOf @ differing "n" samplesOf

        [
            for run in group do
                run.Id,
                [
                    match usualDigest.TryFind(task run, run.Seed) |> Option.flatten with
                    | Some expected when not run.Data.IsEmpty && digest run <> expected -> "data digest", short (digest run)
                    | _ -> ()

                    if run.State = RunState.Completed then
                        for name, key, text, expected in measured do
                            match run.Metrics.TryFind name with
                            | Some metric when text metric <> expected -> key, short (text metric)
                            | _ -> ()
                ]
        ]

    runs |> List.groupBy _.Group |> List.collect (snd >> inGroup) |> List.filter (snd >> List.isEmpty >> not) |> Map.ofList

/// The builds of the runs, with their numbers of runs; usually one.
let codes (runs: Run list) =
    runs
    |> List.choose _.Code
    |> List.countBy id
    |> List.sortWith (fun (a, n) (b, m) -> if n <> m then compare m n else String.CompareOrdinal(a, b))
