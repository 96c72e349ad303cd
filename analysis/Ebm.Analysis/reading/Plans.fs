/// The plans of a sweep's folder: `plans.jsonl` has a line for each launch that planned other runs than the one before, or declared another
/// metric. A planned run that is not in a table is reported as missing, and the metric of a sweep is on record before its results.
module Ebm.Analysis.Plans

open System.Collections.Generic
open System.IO
open System.Text.Json
open Ebm.Analysis.Fields
open Ebm.Records

type Plan = {
    /// The lists of overrides whose union was planned, as they would be typed.
    Overrides: string list list
    Metric: string option
    /// Settings of the rows that the others are compared with.
    Baseline: (string * string) list
    Runs: string list
    /// The training of each of these runs, if some of them share one; else empty.
    Trainings: string list
}

[<Literal>]
let FileName = "plans.jsonl"

let private file folder = Path.Combine(folder, FileName)

let private written (plan: Plan) =
    JsonText.LineOf(
        fields [
            "overrides" => plan.Overrides
            "metric" => plan.Metric
            "baseline" => fields [ for key, value in plan.Baseline -> key => value ]
            "runs" => plan.Runs
            if not plan.Trainings.IsEmpty then "trainings" => plan.Trainings
        ]
    )

/// The plans of a sweep's folder, the oldest first; none if it was never launched. Throws InvalidDataException for a line that is not a
/// plan.
let read (folder: string) : Plan list =
    if not (Disk.HasFile(file folder)) then
        []
    else
        [
            for i, line in Seq.indexed (RegularFile.Lines(file folder)) do
                try
                    use json = JsonText.Parse line
                    let root = json.RootElement
                    let texts (element: JsonElement) = [ for text in element.EnumerateArray() -> string (text.GetString()) ]

                    {
                        Overrides = [ for part in root.GetProperty("overrides").EnumerateArray() -> texts part ]
                        Metric =
                            match root.TryGetProperty "metric" with
                            | true, metric -> Option.ofObj (metric.GetString())
                            | _ -> None
                        Baseline = [
                            for entry in root.GetProperty("baseline").EnumerateObject() -> entry.Name, string (entry.Value.GetString())
                        ]
                        Runs = texts (root.GetProperty "runs")
                        Trainings =
                            match root.TryGetProperty "trainings" with
                            | true, trainings -> texts trainings
                            | _ -> []
                    }
                with
                | :? JsonException
                | :? System.InvalidOperationException
                | :? System.Collections.Generic.KeyNotFoundException as error ->
                    raise (InvalidDataException($"{file folder}, line {i + 1}: not a plan: {error.Message}", error))
        ]

/// Appends a plan, unless it equals the last one. `enter` gets the hash of the file's new text before it is written.
let note (enter: string -> unit) (folder: string) (plan: Plan) =
    let path = file folder
    let before = if Disk.HasFile path then RegularFile.Text(path, RegularFile.Record) else ""
    let line = written plan + "\n"

    if not (before.EndsWith line) then
        enter (Canonical.Sha256(before + line))
        AtomicFile.Write(path, before + line)

/// The training of each run in plans that know it, by the run's id.
let trainingsOf (plans: Plan list) : Map<string, string> =
    Map [
        for plan in plans do
            if plan.Trainings.Length = plan.Runs.Length then yield! List.zip plan.Runs plan.Trainings
    ]

/// The same for the plans of a sweep's folder; a plan that cannot be read is reported by the commands that need it.
let trainings (folder: string) : Map<string, string> =
    try
        trainingsOf (read folder)
    with :? InvalidDataException ->
        Map.empty

/// The folders of sweeps among some folders and, if a folder has no plan itself, in it.
let private sweepsIn (folders: string list) : string list = [
    for folder in folders do
        if Disk.HasFile(file folder) then folder
        elif Disk.HasFolder folder then yield! Disk.Folders folder
]

/// Those of the absent runs that a launch which is still running will begin, by the last plan of its sweep's folder.
let queued (folders: string list) (absent: string list) : string list =
    let planned =
        sweepsIn folders
        |> Seq.filter (fun sweep -> Disk.HasFile(file sweep) && SweepFolder.IsAtWork sweep)
        |> Seq.collect (fun sweep -> read sweep |> List.tryLast |> Option.map _.Runs |> Option.defaultValue [])
        |> HashSet

    absent |> List.filter planned.Contains

/// The runs that were planned for some folders of sweeps, or for sweeps in them, and have no folder, in ordinal order.
let absent (folders: string list) (there: string seq) : string list =
    let known = HashSet there

    [
        for folder in sweepsIn folders do
            for plan in read folder do
                for run in plan.Runs do
                    if known.Add run then run
    ]
    |> List.sortWith (fun a b -> System.String.CompareOrdinal(a, b))
