/// The comparison table: a row per configuration without its seed, a column per metric, labelled by the keys that vary and no others.
///
/// Only completed runs enter a mean. What diverged or failed is counted in its row, never dropped. The same runs give the same
/// bytes: nothing here knows the time, the machine or the folder's place.
module Ebm.Analysis.Table

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
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

let private setting (run: Run) key = run.Config |> Map.tryFind key |> Option.defaultValue ""

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

// ── CSV ─────────────────────────────────────────────────────────────────────────────────────

let private number (value: float) =
    if Double.IsFinite value then value.ToString("R", CultureInfo.InvariantCulture)
    elif Double.IsNaN value then "NaN"
    elif value > 0.0 then "Infinity"
    else "-Infinity"

/// Where there is nothing to say, an empty field.
let private numberOrNothing value = if Double.IsNaN value then "" else number value

let private field (text: string) = if text.IndexOfAny [| ','; '"'; '\n'; '\r' |] < 0 then text else "\"" + text.Replace("\"", "\"\"") + "\""

let private csv (lines: string list list) =
    lines |> List.map (fun fields -> String.Join(",", fields |> List.map field) + "\n") |> String.concat ""

/// A row per run.
let runsCsv (table: Table) =
    let header =
        [ "run"; "group"; "state"; "seed" ] @ table.Varying @ table.Metrics @ [ "train-units"; "sample-units"; "seconds" ]

    let count = Option.map (fun (n: int64) -> n.ToString CultureInfo.InvariantCulture) >> Option.defaultValue ""

    csv [
        header
        for row in table.Rows do
            for run in row.Runs do
                [ run.Id; run.Group; run.State; run.Seed ]
                @ row.Labels
                @ (table.Metrics
                   |> List.map (fun name -> run.Metrics.TryFind name |> Option.map (fun m -> number m.Value) |> Option.defaultValue ""))
                @ [ count run.TrainUnits; count run.SampleUnits; run.Seconds |> Option.map number |> Option.defaultValue "" ]
    ]

let private bounds summary =
    match summary.Interval with
    | TooFew -> nan, nan, "none"
    | StudentT(low, high) -> low, high, "student-t"
    | StudentTOfLog(low, high) -> low, high, "student-t-of-log"

/// A row per group and metric.
let summaryCsv (table: Table) =
    csv [
        [ "group" ]
        @ table.Varying
        @ [ "metric"; "unit"; "better"; "n"; "mean"; "sd"; "low"; "high"; "interval"; "median"; "diverged"; "failed" ]
        for row in table.Rows do
            for KeyValue(name, cell) in row.Cells |> Seq.sortWith (fun a b -> Varying.natural a.Key b.Key) do
                let statistics =
                    if cell.Mixed then
                        [ ""; ""; ""; ""; "mixed-protocols"; "" ]
                    else
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
                @ [ name; cell.Metric.Unit; cell.Metric.Better; string cell.Summary.N ]
                @ statistics
                @ [ string row.Diverged; string row.Failed ]
    ]

// ── Markdown ────────────────────────────────────────────────────────────────────────────────

let private decimal (digits: int) (value: float) =
    if Double.IsFinite value then value.ToString("F" + string digits, CultureInfo.InvariantCulture) else number value

/// Three significant digits, for a value without an uncertainty.
let private plain (value: float) =
    if value = 0.0 || not (Double.IsFinite value) then
        decimal 0 value
    else
        decimal (Math.Clamp(2 - int (floor (log10 (abs value))), 0, 12)) value

let private shown (cell: Cell) =
    if cell.Mixed then
        "mixed protocols"
    else
        match cell.Values, cell.Summary.Interval with
        | [ only ], _ -> plain only
        | [ first; second ], _ -> $"{plain first}, {plain second}"
        | _, StudentT(low, high) when low = high -> plain cell.Summary.Mean
        | _, StudentT(low, high) ->
            let half = (high - low) / 2.0
            let digits = decimals half
            $"{decimal digits cell.Summary.Mean} ± {decimal digits half}"
        | _, StudentTOfLog(low, high) -> $"{plain cell.Summary.Mean} [{plain low}, {plain high}]"
        | _, TooFew -> plain cell.Summary.Mean

/// The metric that a baseline such as grid-kl/gaussian stands beside.
let private baselineOf (table: Table) (name: string) =
    let cut = name.LastIndexOf '/'

    if cut > 0 && name.Substring cut = "/gaussian" && List.contains (name.Substring(0, cut)) table.Metrics then
        Some(name.Substring(0, cut))
    else
        None

let private aligned (rows: string list list) =
    let widths =
        rows |> List.transpose |> List.map (List.map (fun (text: string) -> StringInfo(text).LengthInTextElements) >> List.max)

    let line (fields: string list) =
        let padded =
            List.map2 (fun width (text: string) -> text + String(' ', width - StringInfo(text).LengthInTextElements)) widths fields

        "| " + String.Join(" | ", padded) + " |\n"

    let rule = "|" + String.Join("|", widths |> List.map (fun width -> String('-', width + 2))) + "|\n"

    match rows with
    | header :: body -> line header + rule + String.Join("", body |> List.map line)
    | [] -> ""

/// Text that cannot end its cell or become mark-up, and is otherwise left readable: people read this file in a terminal too.
let private cellText (text: string) =
    let builder = StringBuilder()

    for i in 0 .. text.Length - 1 do
        match text[i] with
        | '|'
        | '*'
        | '`'
        | '<'
        | '\\' -> builder.Append('\\').Append text[i] |> ignore
        // A link's middle; brackets alone are none.
        | '(' when i > 0 && text[i - 1] = ']' -> builder.Append "\\(" |> ignore
        | character when Char.IsControl character -> builder.Append ' ' |> ignore
        | character -> builder.Append character |> ignore

    string builder

/// The name of a key in a heading: the kind of `method` is the method.
let private heading (key: string) = if key.EndsWith(".kind", StringComparison.Ordinal) then key.Substring(0, key.Length - 5) else key

let private arrow better =
    match better with
    | "lower" -> " ↓"
    | "higher" -> " ↑"
    | _ -> ""

let markdown (table: Table) =
    // Where nothing varies, what it all is about labels the one row.
    let labels, labelsOf =
        if table.Varying.IsEmpty then
            [ "data"; "method" ], (fun (row: Row) -> [ for key in [ "data.kind"; "method.kind" ] -> setting row.Runs.Head key ])
        else
            table.Varying |> List.map heading, _.Labels

    let metric name = table.Rows |> List.pick (fun row -> row.Cells.TryFind name) |> _.Metric

    let columns =
        table.Metrics
        |> List.collect (fun name ->
            match baselineOf table name with
            | Some subject -> [
                name,
                fun (row: Row) ->
                    match row.Cells.TryFind name, row.Cells.TryFind subject with
                    | Some baseline, Some cell when not baseline.Mixed && not cell.Mixed ->
                        let share = 100.0 * cell.Summary.Median / baseline.Summary.Median
                        $"{plain baseline.Summary.Median} (median {subject} is {plain share} %% of it)"
                    | Some baseline, _ -> shown baseline
                    | _ -> "n/a"
              ]
            | None -> [
                name + arrow (metric name).Better, fun row -> row.Cells.TryFind name |> Option.map shown |> Option.defaultValue "n/a"
              ])

    let header = labels @ [ "n"; "diverged"; "failed" ] @ List.map fst columns

    let body = [
        for row in table.Rows ->
            (labelsOf row)
            @ [ string row.Completed; string row.Diverged; string row.Failed ]
            @ (columns |> List.map (fun (_, show) -> show row))
    ]

    let units =
        table.Metrics
        |> List.map (fun name -> name, (metric name).Unit)
        |> List.filter (fun (_, unit) -> unit <> "")
        |> List.map (fun (name, unit) -> $"{name} in {unit}")

    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    say $"# {cellText table.Sweep}"
    say ""
    text.Append(aligned (List.map (List.map cellText) (header :: body))) |> ignore
    say ""

    say
        "Mean ± half of Student's 95 % interval over seeds, of completed runs only; [low, high] where the interval is of the logarithm; one or two seeds stand as their values."

    if not units.IsEmpty then say $"""Units: {String.Join(", ", units)}."""
    let unfinished = table.Rows |> List.collect _.Runs |> List.filter (fun run -> run.State <> "completed")

    if not unfinished.IsEmpty then
        say ""
        say "Not in any mean:"
        say ""

        for run in unfinished do
            let reason = run.Reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
            say $"- {cellText run.Id}, {run.State} at step {run.Step}{cellText reason}"

    string text

// ── JSON ────────────────────────────────────────────────────────────────────────────────────

/// NaN and infinities are strings: JSON has no such numbers.
let private writeNumber (json: Utf8JsonWriter) (name: string) (value: float) =
    if Double.IsFinite value then json.WriteNumber(name, value) else json.WriteString(name, number value)

let json (table: Table) =
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

                    if cell.Mixed then
                        json.WriteString("interval", "mixed-protocols")
                    else
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

// ── Files ───────────────────────────────────────────────────────────────────────────────────

/// Writes the table's files into a folder, each whole or not at all. Returns their paths.
let write (folder: string) (table: Table) =
    Directory.CreateDirectory folder |> ignore

    [ "table.csv", runsCsv table; "summary.csv", summaryCsv table; "table.md", markdown table; "table.json", json table ]
    |> List.map (fun (name, text) ->
        let path = Path.Combine(folder, name)
        // Each writer has a file of its own, so that two tables written at once cannot mix.
        let draft = Path.Combine(folder, $".{name}.{Environment.ProcessId}")
        File.WriteAllText(draft, text)
        File.Move(draft, path, true)
        path)
