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

/// A run's setting, empty where it has none.
let setting (run: Run) key = run.Config |> Map.tryFind key |> Option.defaultValue ""

/// The table of some runs, under a sweep's name.
let tabulate (sweep: string) (runs: Run list) =
    let varying = runs |> List.map _.Config |> Varying.keys |> List.filter ((<>) "seed")

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
