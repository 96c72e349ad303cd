/// The comparison table: a row per configuration without its seed, a column per metric, labelled by the keys that vary and no others.
///
/// Only completed runs enter a mean. What diverged or failed is counted in its row, never dropped. The same runs give the same
/// bytes: nothing here knows the time, the machine or the folder's place.
module Ebm.Analysis.Table

open System
open System.Globalization
open Ebm.Analysis.Runs
open Ebm.Analysis.Statistics

/// What one group says about one metric. Mixed: its runs measured by different protocols, so there is no mean to give.
type Cell = { Metric: Metric; Values: float list; Summary: Summary; Mixed: bool }

type Row = {
    Group: string
    Labels: string list
    Runs: Run list
    Cells: Map<string, Cell>
    Completed: int
    Diverged: int
    Failed: int
}

type Table = { Sweep: string; Varying: string list; Constant: (string * string) list; Metrics: string list; Rows: Row list }

let private cell (runs: Run list) name =
    match runs |> List.choose (fun run -> run.Metrics.TryFind name) with
    | [] -> None
    | first :: _ as metrics ->
        let values = metrics |> List.map _.Value
        let mixed = metrics |> List.distinctBy _.Protocol |> List.length > 1

        Some { Metric = first; Values = values; Summary = summarise (first.Scale = "log") values; Mixed = mixed }

/// The keys that label the rows. What an option's file sets is no label of its own where the option is one: a learning rate tuned for a
/// method is part of that method's row. The kind stands for the option, unless two options are of one kind.
let private labels (runs: Run list) =
    let values (key: Run -> string option) = runs |> List.map key |> List.distinct
    let groups =
        runs
        |> List.collect (fun run -> run.Asked.Keys |> Seq.filter (fun key -> key <> "seed" && not (key.Contains '.')) |> List.ofSeq)
        |> List.distinct
    let options (run: Run) = groups |> List.map run.Asked.TryFind
    let among groups key = groups |> List.forall (snd >> List.distinctBy key >> List.length >> (=) 1)
    let follows key = among (List.groupBy options runs) (fun run -> run.Config.TryFind key)
    let set key = runs |> List.exists _.Asked.ContainsKey(key)

    // Two options of one kind: the option labels, and its kind, which it decides, does not.
    let presets =
        groups
        |> List.filter (fun group ->
            let kind (run: Run) = run.Config.TryFind(group + ".kind")
            values kind <> [ None ] && not (among (List.groupBy kind runs) _.Asked.TryFind(group)))

    let isKind (key: string) = key.EndsWith(".kind", StringComparison.Ordinal) && key.Split('.').Length = 2

    let keys =
        runs
        |> List.map _.Config
        |> Varying.keys
        |> List.filter (fun key ->
            key <> "seed"
            && not (isKind key && List.contains (key.Substring(0, key.Length - 5)) presets)
            && (isKind key || set key || not (follows key)))

    List.sortWith Varying.natural (presets @ keys)

/// What a run is in the column of a label: its setting, or the option that was asked for; empty where it has none.
let setting (run: Run) key = run.Config |> Map.tryFind key |> Option.orElse (run.Asked.TryFind key) |> Option.defaultValue ""

/// The table of some runs, under a sweep's name.
let tabulate (sweep: string) (runs: Run list) =
    let varying = labels runs

    let bySeed (a: Run) (b: Run) = Varying.inOrder a.Seed b.Seed

    let rows =
        runs
        |> List.groupBy _.Group
        |> List.map (fun (group, runs) ->
            let runs =
                runs
                |> List.sortWith (fun a b ->
                    match bySeed a b with
                    | 0 -> String.CompareOrdinal(a.Id, b.Id)
                    | order -> order)
            let completed = runs |> List.filter (fun run -> run.State = "completed")

            let cells =
                completed
                |> List.collect (fun run -> List.ofSeq run.Metrics.Keys)
                |> List.distinct
                |> List.choose (fun name -> cell completed name |> Option.map (fun cell -> name, cell))
                |> Map.ofList

            {
                Group = group
                Labels = varying |> List.map (setting runs.Head)
                Runs = runs
                Cells = cells
                Completed = completed.Length
                Diverged = runs |> List.filter (fun run -> run.State = "diverged") |> List.length
                Failed = runs |> List.filter (fun run -> run.State = "failed" || run.State = "timeout") |> List.length
            })
        |> List.sortWith (fun a b ->
            match List.map2 Varying.inOrder a.Labels b.Labels |> List.tryFind ((<>) 0) with
            | Some order -> order
            | None -> String.CompareOrdinal(a.Group, b.Group))

    let constant =
        match runs with
        | [] -> []
        | first :: _ ->
            first.Config
            |> Map.toList
            |> List.filter (fun (key, value) ->
                key <> "seed" && not (List.contains key varying) && runs |> List.forall (fun run -> run.Config.TryFind key = Some value))

    {
        Sweep = sweep
        Varying = varying
        Constant = constant
        Metrics = rows |> List.collect (fun row -> List.ofSeq row.Cells.Keys) |> List.distinct |> List.sortWith Varying.natural
        Rows = rows
    }

/// A number as CSV and JSON have it: every digit, in no culture.
let number (value: float) =
    if Double.IsFinite value then value.ToString("R", CultureInfo.InvariantCulture)
    elif Double.IsNaN value then "NaN"
    elif value > 0.0 then "Infinity"
    else "-Infinity"

/// The bounds of a mean's interval, NaN without one, and the name of how it was made.
let bounds (summary: Summary) =
    match summary.Interval with
    | TooFew -> nan, nan, "none"
    | StudentT(low, high) -> low, high, "student-t"
    | StudentTOfLog(low, high) -> low, high, "student-t-of-log"
