/// A table as one JSON object.
module Ebm.Analysis.Json

open System
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open Ebm.Analysis.Table

/// NaN and infinities are strings: JSON has no such numbers.
let private writeNumber (json: Utf8JsonWriter) (name: string) (value: float) =
    if Double.IsFinite value then json.WriteNumber(name, value) else json.WriteString(name, number value)

let table (table: Table) =
    use stream = new MemoryStream()

    let write () =
        use json =
            new Utf8JsonWriter(stream, JsonWriterOptions(Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.Default))
        json.WriteStartObject()
        json.WriteString("sweep", table.Sweep)
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
            json.WriteStartArray "runs"

            for run in row.Runs do
                json.WriteStartObject()
                json.WriteString("run", run.Id)
                json.WriteString("state", run.State)
                json.WriteString("seed", run.Seed)
                json.WriteEndObject()

            json.WriteEndArray()
            json.WriteStartObject "metrics"

            for name in table.Metrics do
                match row.Cells.TryFind name with
                | None -> ()
                | Some cell ->
                    json.WriteStartObject name
                    json.WriteString("unit", cell.Metric.Unit)
                    json.WriteString("better", cell.Metric.Better)
                    json.WriteNumber("n", cell.Summary.N)

                    let low, high, interval = bounds cell.Summary
                    writeNumber json "mean" cell.Summary.Mean
                    writeNumber json "sd" cell.Summary.Sd
                    writeNumber json "low" low
                    writeNumber json "high" high
                    json.WriteString("interval", interval)
                    writeNumber json "median" cell.Summary.Median

                    json.WriteStartArray "values"

                    for value in cell.Values do
                        if Double.IsFinite value then json.WriteNumberValue value else json.WriteStringValue(number value)

                    json.WriteEndArray()
                    json.WriteEndObject()

            json.WriteEndObject()
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteEndObject()

    write ()
    Encoding.UTF8.GetString(stream.ToArray()) + "\n"
