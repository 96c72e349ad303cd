/// `sample`: audits cells of a sweep's table, drawn at random, those in bold more often, because they are the claims. Each cell stands for a
/// run of its row, which is done again. What was drawn before is not drawn again before the rest.
module Ebm.Analysis.Sampling

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.AuditPlace
open Ebm.Analysis.AuditCompare
open Ebm.Analysis.Table

/// How many times as likely a bold cell is as another one.
let boldWeight = 8

type Drawn = {
    Sampled: AuditKept.Sampled
    /// The labels of the cell's row.
    Row: string
    Run: Runs.Run
}

/// Between 0 and 1, and neither: a function of the text alone.
let private uniform (text: string) =
    let bits = UInt64.Parse((Canonical.Sha256 text).Substring(0, 13), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
    (float bits + 0.5) / float (1UL <<< 52)

/// Draws up to `n` cells with their runs, no run twice. Cells are drawn without replacement with odds as their weights: the order of
/// u^(1/w) for uniform u (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). `before` has the runs that were
/// sampled already: a run that was not comes first.
let draw (seed: int) (n: int) (before: Set<string>) (tables: Table list) : Drawn list =
    // A floor or a Gaussian's value beside a metric is no claim; where there is nothing else, it is drawn.
    let claims (cells: Map<string, Cell>) =
        let directed = cells |> Map.filter (fun _ cell -> cell.Metric.Better = "lower" || cell.Metric.Better = "higher")
        if directed.IsEmpty then cells else directed

    let cells =
        [
            for table in tables do
                for row in table.Rows do
                    for KeyValue(metric, cell) in row.Cells |> claims do
                        let bold = Shown.isBold cell
                        let weight = if bold then boldWeight else 1
                        let key = Math.Log(uniform $"cell {seed} {table.Sweep}/{row.Key}/{metric}") / float weight
                        key, (table, row, metric, bold, weight)
        ]
        |> List.sortByDescending fst
        |> List.map snd

    let nameOf (run: Runs.Run) = $"{run.Sweep}/{run.Id}"

    // Once for the runs that nobody has sampled, once for all.
    let rec take again taken drawn left =
        match left with
        | _ when List.length drawn = n -> List.rev drawn
        | [] when again -> List.rev drawn
        | [] -> take true taken drawn cells
        | (_: Table, row: Row, metric, bold, weight) :: rest ->
            let candidates =
                row.Runs
                |> List.filter (fun run ->
                    run.State = RunState.Completed
                    && run.Metrics.ContainsKey metric
                    && not (Set.contains (nameOf run) taken)
                    && (again || not (before.Contains(nameOf run))))
                |> List.sortBy (fun run -> Canonical.Sha256 $"run {seed} {nameOf run}")

            match candidates with
            | [] -> take again taken drawn rest
            | run :: _ ->
                let sampled: AuditKept.Sampled = { Seed = seed; Group = row.Group; Metric = metric; Bold = bold; Weight = weight }
                let labels = row.Labels |> List.filter ((<>) "") |> String.concat " "
                let labels = if labels = "" then row.Group else labels
                take again (Set.add (nameOf run) taken) ({ Sampled = sampled; Row = labels; Run = run } :: drawn) rest

    take false Set.empty [] cells

let private percent (share: float) = (100.0 * share).ToString("0", CultureInfo.InvariantCulture)

let private summary (verdicts: AuditCompare.Verdict list) =
    let hits, n = verdicts |> List.filter reproduces |> List.length, verdicts.Length
    let low, high = Statistics.wilson hits n
    hits, n, low, high

/// Does a run again and says how far: what `sample` is to do with each.
type Again = Place -> RunFolder -> int64 option * Comparison

let sampleBy (again: Again) (audit: string) (place: Place) (words: string list) : int =
    let sweeps =
        match sweepsOf place words with
        | [] -> List.ofSeq (SweepFolder.Under place.Runs)
        | words -> words |> List.map (fun word -> Path.Combine(place.Runs, word))

    let tables = sweeps |> List.choose (Report.tableOf >> fst)

    let before =
        match Ledger.load place.Root place.Runs with
        | Some ledger when not place.Again ->
            AuditKept.all place.Runs ledger.Entries
            |> List.filter (fun (_, kept) -> kept.Sampled.IsSome)
            |> List.map (fun (_, kept) -> kept.Run)
            |> Set.ofList
        | _ -> Set.empty

    let drawn = draw place.Seed place.N before tables
    if drawn.IsEmpty then refuse "no run there is completed, so there is none to draw."

    let audited = [
        for i, one in List.indexed drawn do
            let run = RunFolder.Open one.Run.Path
            let until, found = again place run
            let kept = AuditKept.kept audit run until (Some one.Sampled) found
            let bold = if one.Sampled.Bold then ", bold" else ""

            if not place.Json then
                Console.WriteLine $"{i + 1} of {drawn.Length}, {one.Sampled.Metric} of {one.Row}{bold} (weight {one.Sampled.Weight})"
                Repeating.print run until found
                if kept.Independent = Some true then Console.WriteLine "  by another machine or user than the run's own"

            enter place $"sample {run.Sweep}/{run.Id}" (AuditKept.written kept found)
            kept, found
    ]

    let verdicts = audited |> List.map (fun (kept, _) -> kept.Verdict)
    let hits, n, low, high = summary verdicts

    if place.Json then
        Console.Write(
            JsonText.Readable(fun json ->
                json.WriteStartObject()
                json.WriteString("audit", "sample")
                json.WriteNumber("seed", place.Seed)
                json.WriteNumber("reproduced", hits)
                json.WriteNumber("of", n)
                json.WriteNumber("low", low)
                json.WriteNumber("high", high)
                json.WriteStartArray "cells"

                for kept, found in audited do
                    AuditKept.write json kept found

                json.WriteEndArray()
                json.WriteEndObject())
        )
    else
        Console.WriteLine(
            $"{hits} of {n} cells reproduce, {percent low} to {percent high} %% (Wilson, 95 %%); a bold cell is drawn {boldWeight} times as readily."
        )

    verdicts |> List.map Repeating.exitCode |> List.max

let verb = {
    Name = "sample"
    Says =
        "do cells of a table again, drawn at random, bold ones more readily: sample [sweep] [--n N] [--seed S] [--rerun], --again for those of before"
    Perform =
        fun place words ->
            if place.Whole then sampleBy Repeating.rerunOf "rerun" place words else sampleBy Repeating.smokeOf "smoke" place words
}
