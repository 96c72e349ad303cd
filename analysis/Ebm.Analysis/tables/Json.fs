/// A table as one JSON object.
module Ebm.Analysis.Json

open System
open System.Text.Json
open Ebm.Records
open Ebm.Analysis.Table

/// NaN and infinities are strings: JSON has no such numbers.
let private writeNumber (json: Utf8JsonWriter) (name: string) (value: float) =
    if Double.IsFinite value then json.WriteNumber(name, value) else json.WriteString(name, number value)

let private verdict verdict =
    match verdict with
    | Best -> "best"
    | NotWorse -> "not-worse"
    | Worse -> "worse"
    | TooFewToTell -> "too-few-to-tell"
    | OtherRate -> "other-rate"
    | Incomparable -> "incomparable"
    | Unjudged -> "unjudged"

/// What became of every run that was planned, and by which policy and code.
let private writeCounts (json: Utf8JsonWriter) (table: Table) =
    let c = table.Counts

    json.WriteString(
        "divergence",
        match table.Options.Divergence with
        | ReportRate -> "report-rate"
        | WorstCase _ -> "worst-case"
        | Fail -> "fail"
    )

    json.WriteStartObject "runs"

    for name, count in
        [
            "planned", c.Planned
            "used", c.Used
            "diverged", c.Diverged
            "failed", c.Failed
            "pruned", c.Pruned
            "unfinished", c.Unfinished
            "missing", c.Missing
            "unreadable", c.Skipped
        ] do
        json.WriteNumber(name, count)

    json.WriteStartArray "absent"
    table.Options.Absent |> List.iter json.WriteStringValue
    json.WriteEndArray()
    json.WriteStartArray "excluded"

    for rule, count in c.Excluded do
        json.WriteStartObject()
        json.WriteString("rule", rule)
        json.WriteNumber("count", count)
        json.WriteEndObject()

    json.WriteEndArray()
    json.WriteEndObject()
    json.WriteStartObject "codes"

    for code, count in table.Codes do
        json.WriteNumber(code, count)

    json.WriteEndObject()

let private writeVersus (json: Utf8JsonWriter) (table: Table) =
    json.WriteStartArray "versus"

    for versus in Versus.all table do
        let low, high, interval = bounds versus.Difference
        json.WriteStartObject()
        json.WriteString("row", versus.Row.Key)
        json.WriteString("baseline", versus.Baseline.Key)
        json.WriteString("metric", versus.Metric)
        json.WriteNumber("pairs", versus.Pairs)
        json.WriteString("scale", (if versus.Ratio then "log" else "linear"))
        writeNumber json "difference" versus.Difference.Mean
        writeNumber json "sd" versus.Difference.Sd
        writeNumber json "low" low
        writeNumber json "high" high
        json.WriteString("interval", interval)
        json.WriteString("test", versus.By.Name)
        writeNumber json "p" versus.P
        versus.Adjusted |> Option.iter (writeNumber json "holm")
        writeNumber json "improvement" versus.Improvement
        writeNumber json "effect" versus.Effect
        writeNumber json "correlation" versus.Correlation
        json.WriteEndObject()

    json.WriteEndArray()

let private writeAggregates (json: Utf8JsonWriter) (table: Table) =
    json.WriteStartArray "aggregates"

    for aggregate in Aggregate.all table do
        json.WriteStartObject()
        json.WriteString("metric", aggregate.Metric)
        json.WriteStartObject "method"
        aggregate.Method |> List.iter json.WriteString
        json.WriteEndObject()
        json.WriteString("scale", (if aggregate.OfGaussian then "share-of-gaussian" else "own"))
        json.WriteNumber("tasks", aggregate.Tasks)
        json.WriteNumber("runs", aggregate.Runs)
        json.WriteNumber("diverged", aggregate.Diverged)
        writeNumber json "interquartile-mean" aggregate.Mean
        writeNumber json "low" aggregate.Low
        writeNumber json "high" aggregate.High

        match aggregate.Improvement with
        | None -> ()
        | Some(p, low, high) ->
            writeNumber json "improvement" p
            writeNumber json "improvement-low" low
            writeNumber json "improvement-high" high

        json.WriteEndObject()

    json.WriteEndArray()

let table (table: Table) =
    JsonText.Readable(fun json ->
        json.WriteStartObject()
        json.WriteString("sweep", table.Sweep)
        table.Options.Title |> Option.iter (fun title -> json.WriteString("title", title))
        json.WriteString("hash", table.Hash)
        writeCounts json table
        json.WriteStartArray "varying"
        table.Varying |> List.iter json.WriteStringValue
        json.WriteEndArray()
        json.WriteStartObject "constant"
        table.Constant |> List.iter json.WriteString
        json.WriteEndObject()
        json.WriteStartArray "groups"

        for row in table.Rows do
            json.WriteStartObject()
            json.WriteString("group", row.Group)
            json.WriteStartObject "keys"
            List.iter2 (fun (key: string) (label: string) -> json.WriteString(key, label)) table.Varying row.Labels
            json.WriteEndObject()
            json.WriteNumber("completed", row.Completed)
            json.WriteNumber("diverged", row.Diverged)
            json.WriteNumber("failed", row.Failed)
            json.WriteNumber("intervened", row.Intervened.Length)
            let low, high = Statistics.wilson row.Completed row.Ended
            writeNumber json "rate-low" low
            writeNumber json "rate-high" high

            if not row.Apart.IsEmpty then
                json.WriteStartObject "apart"
                row.Apart |> List.iter json.WriteString
                json.WriteEndObject()

            json.WriteStartArray "runs"

            for run in row.Runs do
                json.WriteStartObject()
                json.WriteString("run", run.Id)
                json.WriteString("state", run.State)
                json.WriteString("seed", run.Seed)

                if not run.Interventions.IsEmpty then
                    json.WriteStartArray "interventions"

                    for intervention in run.Interventions do
                        json.WriteStartObject()
                        json.WriteString("what", intervention.What)
                        json.WriteNumber("attempt", intervention.Attempt)
                        json.WriteString("says", intervention.Says)
                        json.WriteEndObject()

                    json.WriteEndArray()

                json.WriteEndObject()

            json.WriteEndArray()
            json.WriteStartObject "metrics"

            for name in table.Metrics do
                match row.Cells.TryFind name with
                | None -> ()
                | Some cell ->
                    json.WriteStartObject name
                    json.WriteString("unit", cell.Metric.Unit)
                    json.WriteString("better", cell.Metric.Better.Word())
                    json.WriteNumber("n", cell.Summary.N)
                    if cell.Intervened > 0 then json.WriteNumber("intervened", cell.Intervened)

                    let low, high, interval = bounds cell.Summary
                    writeNumber json "mean" cell.Summary.Mean
                    writeNumber json "sd" cell.Summary.Sd
                    writeNumber json "low" low
                    writeNumber json "high" high
                    json.WriteString("interval", interval)
                    writeNumber json "median" cell.Summary.Median
                    cell.Metric.Protocol |> Option.iter (fun protocol -> json.WriteString("protocol", protocol))
                    cell.Se |> Option.iter (writeNumber json "se")
                    cell.Withheld |> Option.iter (fun why -> json.WriteString("withheld", why))
                    json.WriteString("verdict", verdict cell.Verdict)
                    json.WriteBoolean("bold", Shown.isBold cell)

                    match cell.Test with
                    | None -> ()
                    | Some test ->
                        json.WriteStartObject "test"
                        json.WriteString("against", test.Against)
                        json.WriteString("kind", test.By.Name)
                        json.WriteNumber("n", test.N)
                        writeNumber json "p" test.P
                        writeNumber json "holm" test.Adjusted
                        json.WriteEndObject()


                    json.WriteStartArray "values"

                    for value in cell.Values do
                        if Double.IsFinite value then json.WriteNumberValue value else json.WriteStringValue(number value)

                    json.WriteEndArray()
                    json.WriteEndObject()

            json.WriteEndObject()
            json.WriteEndObject()

        json.WriteEndArray()
        writeVersus json table
        writeAggregates json table
        json.WriteStartArray "notes"
        Notes.all table |> List.iter json.WriteStringValue
        json.WriteEndArray()
        json.WriteEndObject())
