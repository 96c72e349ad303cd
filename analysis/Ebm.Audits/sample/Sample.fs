/// Draws cells of a sweep's table for an audit: at random, and bold ones more often, because readers rely on them most. For each cell, a
/// run of its row is repeated. Runs that were sampled before are drawn after all others.
module Ebm.Audits.Sample

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis
open Ebm.Analysis.Table
open Ebm.Audits.Comparison

/// The weight of a bold cell; another cell has weight one.
let boldWeight = 8

type Drawn = {
    Sampled: KeptAudits.Sampled
    /// The labels of the cell's row.
    Row: string
    Run: Runs.Run
}

/// A number between 0 and 1, both excluded, that depends only on the text.
let private uniform (text: string) =
    let bits = UInt64.Parse((Canonical.Sha256 text).Substring(0, 13), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
    (float bits + 0.5) / float (1UL <<< 52)

/// Draws up to `n` cells with their runs, no run twice. Cells are drawn without replacement with odds as their weights: in the order of
/// u^(1/w) for uniform u (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). `before` has the runs that were
/// sampled already: they come last.
let draw (seed: int) (n: int) (before: Set<string>) (tables: Table list) : Drawn list =
    // Floors and a Gaussian's values are not claims; they are drawn only if a row has nothing else.
    let claims (cells: Map<string, Cell>) =
        let directed = cells |> Map.filter (fun _ cell -> cell.Metric.Better <> Direction.None)
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

    // First from the runs that were not sampled yet, then from all.
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
                    && run.Imported.IsNone
                    && run.Metrics.ContainsKey metric
                    && not (Set.contains (nameOf run) taken)
                    && (again || not (before.Contains(nameOf run))))
                |> List.sortBy (fun run -> Canonical.Sha256 $"run {seed} {nameOf run}")

            match candidates with
            | [] -> take again taken drawn rest
            | run :: _ ->
                let sampled: KeptAudits.Sampled = { Seed = seed; Group = row.Group; Metric = metric; Bold = bold; Weight = weight }
                let labels = row.Labels |> List.filter ((<>) "") |> String.concat " "
                let labels = if labels = "" then row.Group else labels
                take again (Set.add (nameOf run) taken) ({ Sampled = sampled; Row = labels; Run = run } :: drawn) rest

    take false Set.empty [] cells

/// The number of verdicts that reproduce, the number of verdicts, and the interval of the share.
let summary (verdicts: Comparison.Verdict list) =
    let hits, n = verdicts |> List.filter reproduces |> List.length, verdicts.Length
    let low, high = Statistics.wilson hits n
    hits, n, low, high
