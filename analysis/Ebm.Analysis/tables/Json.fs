/// A table as one JSON object.
module Ebm.Analysis.Json

open Ebm.Records
open Ebm.Analysis.Fields
open Ebm.Analysis.Table

let private texts (pairs: (string * string) seq) = fields [ for key, text in pairs -> key => text ]

/// The number of planned runs by outcome.
let private counts (table: Table) =
    let c = table.Counts

    fields [
        "planned" => c.Planned
        "used" => c.Used
        if c.Imported > 0 then "imported" => c.Imported
        "diverged" => c.Diverged
        "failed" => c.Failed
        "pruned" => c.Pruned
        "unfinished" => c.Unfinished
        "missing" => c.Missing
        "unreadable" => c.Skipped
        "absent" => table.Options.Absent
        if not table.Options.Retired.IsEmpty then
            "retired" => [ for run, because in table.Options.Retired -> fields [ "run" => run.Id; "because" => because ] ]
        if not table.Options.Queued.IsEmpty then "queued" => table.Options.Queued
        "excluded" => [ for rule, count in c.Excluded @ c.ImportedExcluded -> fields [ "rule" => rule; "count" => count ] ]
    ]

let private run (run: Runs.Run) =
    fields [
        "run" => run.Id
        "state" => run.State
        "seed" => run.Seed
        if not run.Interventions.IsEmpty then "interventions" => run.Interventions
        "doubt" => run.Doubt
        "imported" => run.Imported
    ]

let private cell (cell: Cell) =
    let low, high, interval = bounds cell.Summary

    fields [
        "unit" => cell.Metric.Unit
        "better" => cell.Metric.Better
        "importance" => cell.Metric.Importance
        "n" => cell.Summary.N
        if cell.Intervened > 0 then "intervened" => cell.Intervened
        if cell.Doubted > 0 then "doubted" => cell.Doubted
        if cell.Imported > 0 then "imported" => cell.Imported
        "mean" => cell.Summary.Mean
        "sd" => cell.Summary.Sd
        "low" => low
        "high" => high
        "interval" => interval
        "median" => cell.Summary.Median
        "protocol" => cell.Metric.Protocol
        "se" => cell.Se
        "withheld" => cell.Withheld
        "verdict" => Kebab.Case(string cell.Verdict)
        "bold" => Shown.isBold cell
        match cell.Test with
        | None -> ()
        | Some test ->
            "test" => fields [ "against" => test.Against; "kind" => test.By.Name; "n" => test.N; "p" => test.P; "holm" => test.Adjusted ]
        "values" => cell.Values
    ]

let private group (table: Table) (row: Row) =
    let low, high = Statistics.wilson row.Completed row.Ended

    fields [
        "group" => row.Group
        "keys" => texts (List.zip table.Varying row.Labels)
        "completed" => row.Completed
        "diverged" => row.Diverged
        "failed" => row.Failed
        "intervened" => row.Intervened.Length
        "rate-low" => low
        "rate-high" => high
        if not row.Apart.IsEmpty then "apart" => texts row.Apart
        "runs" => List.map run row.Runs
        "metrics"
        => fields [
            for name in table.Metrics do
                match row.Cells.TryFind name with
                | None -> ()
                | Some found -> name => cell found
        ]
    ]

let private versus (versus: Versus.Versus) =
    let low, high, interval = bounds versus.Difference

    fields [
        "row" => versus.Row.Key
        "baseline" => versus.Baseline.Key
        "metric" => versus.Metric
        "pairs" => versus.Pairs
        "scale" => if versus.Ratio then "log" else "linear"
        "difference" => versus.Difference.Mean
        "sd" => versus.Difference.Sd
        "low" => low
        "high" => high
        "interval" => interval
        "test" => versus.By.Name
        "p" => versus.P
        "holm" => versus.Adjusted
        "improvement" => versus.Improvement
        "effect" => versus.Effect
        "correlation" => versus.Correlation
    ]

let private aggregate (aggregate: Aggregate.Aggregate) =
    fields [
        "metric" => aggregate.Metric
        "method" => texts aggregate.Method
        "scale"
        => (match aggregate.ShareOf with
            | Some reference -> "share-of-" + Shown.lastPart reference
            | None -> "own")
        "tasks" => aggregate.Tasks
        "runs" => aggregate.Runs
        "diverged" => aggregate.Diverged
        "interquartile-mean" => aggregate.Mean
        "low" => aggregate.Low
        "high" => aggregate.High
        match aggregate.Improvement with
        | None -> ()
        | Some(p, low, high) ->
            "improvement" => p
            "improvement-low" => low
            "improvement-high" => high
    ]

let table (table: Table) =
    let divergence =
        match table.Options.Divergence with
        | ReportRate -> "report-rate"
        | WorstCase _ -> "worst-case"
        | Fail -> "fail"

    JsonText.ReadableOf(
        fields [
            "sweep" => table.Sweep
            "title" => table.Options.Title
            "metric" => table.Options.Decides
            "hash" => table.Hash
            "divergence" => divergence
            "runs" => counts table
            "codes" => fields [ for code, count in table.Codes -> code => count ]
            "varying" => table.Varying
            "constant" => texts table.Constant
            "groups" => List.map (group table) table.Rows
            "versus" => List.map versus (Versus.all table)
            "aggregates" => List.map aggregate (Aggregate.all table)
            "notes" => Notes.all table
        ]
    )
