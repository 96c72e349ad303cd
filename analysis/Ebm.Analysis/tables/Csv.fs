/// A table as comma-separated values, in full precision: a row per run, and a row per group and metric.
module Ebm.Analysis.Csv

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table
open Ebm.Records

/// A number, or an empty field for NaN.
let private numberOrNothing value = if Double.IsNaN value then "" else number value

let private field (text: string) = if text.IndexOfAny [| ','; '"'; '\n'; '\r' |] < 0 then text else "\"" + text.Replace("\"", "\"\"") + "\""

let private text (lines: string list list) =
    lines |> List.map (fun fields -> String.Join(",", fields |> List.map field) + "\n") |> String.concat ""

/// A row per run.
let runs (table: Table) =
    // Last columns, only if a run's metrics are in doubt, if a run was imported, or if one was retired.
    let doubts = table.Rows |> List.exists (fun row -> not row.Doubted.IsEmpty)
    let imports = table.Rows |> List.exists (fun row -> not row.Imported.IsEmpty)
    let retired = table.Options.Retired

    let header =
        [ "run"; "group"; "state"; "seed" ]
        @ table.Varying
        @ table.Metrics
        @ [
            "train-units"
            "sample-units"
            "seconds"
            if doubts then "doubt"
            if imports then "imported"
            if not retired.IsEmpty then "retired"
        ]

    let count = Option.map (fun (n: int64) -> n.ToString CultureInfo.InvariantCulture) >> Option.defaultValue ""

    text [
        header
        for row in table.Rows do
            for run in row.Runs do
                [ run.Id; run.Group; Kebab.Of run.State; run.Seed ]
                @ row.Labels
                @ (table.Metrics
                   |> List.map (fun name -> run.Metrics.TryFind name |> Option.map (fun m -> number m.Value) |> Option.defaultValue ""))
                @ [ count run.TrainUnits; count run.SampleUnits; run.Seconds |> Option.map number |> Option.defaultValue "" ]
                @ (if doubts then [ defaultArg run.Doubt "" ] else [])
                @ (if imports then [ defaultArg run.Imported "" ] else [])
                @ (if retired.IsEmpty then [] else [ "" ])

        // Without values, so that no mean over this file has them.
        for run, because in retired do
            [ run.Id; run.Group; "retired"; run.Seed ] @ [ for _ in 1 .. header.Length - 5 -> "" ] @ [ because ]
    ]

/// A row per group and metric.
let summary (table: Table) =
    // A last column, only if a run was imported: how many of a cell's runs.
    let imports = table.Rows |> List.exists (fun row -> not row.Imported.IsEmpty)

    text [
        [ "group" ]
        @ table.Varying
        @ [ "metric"; "unit"; "better"; "n"; "mean"; "sd"; "low"; "high"; "interval"; "median"; "diverged"; "failed" ]
        @ (if imports then [ "imported" ] else [])
        for row in table.Rows do
            for name, cell in table.Metrics |> List.choose (fun name -> row.Cells.TryFind name |> Option.map (fun cell -> name, cell)) do
                let statistics =
                    match cell.Withheld with
                    | Some _ -> [ ""; ""; ""; ""; "withheld"; "" ]
                    | None ->
                        let low, high, interval = bounds cell.Summary

                        [
                            number cell.Summary.Mean
                            numberOrNothing cell.Summary.Sd
                            numberOrNothing low
                            numberOrNothing high
                            interval
                            number cell.Summary.Median
                        ]

                [ row.Group ]
                @ row.Labels
                @ [ name; cell.Metric.Unit; cell.Metric.Better.Word(); string cell.Summary.N ]
                @ statistics
                @ [ string row.Diverged; string row.Failed ]
                @ (if imports then [ string cell.Imported ] else [])
    ]

/// A line per row, metric and baseline.
let versus (table: Table) =
    text [
        [ "group" ]
        @ table.Varying
        @ [
            "metric"
            "unit"
            "better"
            "baseline"
            "pairs"
            "scale"
            "difference"
            "sd"
            "low"
            "high"
            "interval"
            "test"
            "p"
            "holm"
            "improvement"
            "effect"
            "correlation"
        ]
        for versus in Versus.all table do
            let low, high, interval = bounds versus.Difference
            let cell = versus.Row.Cells[versus.Metric]
            let logarithms = if versus.Ratio then "log" else "linear"

            [ versus.Row.Group ]
            @ versus.Row.Labels
            @ [
                versus.Metric
                cell.Metric.Unit
                cell.Metric.Better.Word()
                versus.Baseline.Group
                string versus.Pairs
                logarithms
                number versus.Difference.Mean
                numberOrNothing versus.Difference.Sd
                numberOrNothing low
                numberOrNothing high
                interval
                versus.By.Name
                versus.P |> Option.map number |> Option.defaultValue ""
                versus.Adjusted |> Option.map number |> Option.defaultValue ""
                numberOrNothing versus.Improvement
                numberOrNothing versus.Effect
                numberOrNothing versus.Correlation
            ]
    ]
