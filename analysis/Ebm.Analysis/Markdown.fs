/// A table as Markdown that also reads well in a terminal: a row per group; metrics of one family beside each other, and a new
/// block of columns where a line would grow too long.
module Ebm.Analysis.Markdown

open System
open System.Globalization
open System.Text
open Ebm.Analysis.Statistics
open Ebm.Analysis.Runs
open Ebm.Analysis.Table

/// Columns of one block fit into a terminal of this width.
let private width = 120

let private decimal (digits: int) (value: float) =
    if not (Double.IsFinite value) then number value
    elif digits > 6 then value.ToString("0.0e-00", CultureInfo.InvariantCulture)
    else value.ToString("F" + string digits, CultureInfo.InvariantCulture)

/// Three significant digits, for a value without an uncertainty.
let private plain (value: float) =
    if value = 0.0 then "0"
    elif not (Double.IsFinite value) then number value
    else decimal (max 0 (2 - int (floor (log10 (abs value))))) value

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
let private subjectOf (table: Table) (name: string) =
    let cut = name.LastIndexOf '/'

    if cut > 0 && name.Substring cut = "/gaussian" && List.contains (name.Substring(0, cut)) table.Metrics then
        Some(name.Substring(0, cut))
    else
        None

let private family (metric: string) = (metric.Split '/')[0]

let private length (text: string) = StringInfo(text).LengthInTextElements

let private aligned (rows: string list list) =
    let widths = rows |> List.transpose |> List.map (List.map length >> List.max)

    let line (fields: string list) =
        let padded = List.map2 (fun width text -> text + String(' ', width - length text)) widths fields
        "| " + String.Join(" | ", padded) + " |\n"

    let rule = "|" + String.Join("|", widths |> List.map (fun width -> String('-', width + 2))) + "|\n"

    match rows with
    | header :: body -> line header + rule + String.Join("", body |> List.map line)
    | [] -> ""

/// Text that cannot end its cell or become mark-up, and is otherwise left as it is.
let private escaped (text: string) =
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

/// A metric's column: its heading, then its cells. A baseline is followed by the share of it that the metric's median is.
let private column (table: Table) (name: string) =
    let metric = table.Rows |> List.pick (fun row -> row.Cells.TryFind name) |> _.Metric

    let cell (row: Row) =
        match row.Cells.TryFind name, subjectOf table name |> Option.bind row.Cells.TryFind with
        | None, _ -> "n/a"
        | Some baseline, Some subject when not baseline.Mixed && not subject.Mixed ->
            $"{plain baseline.Summary.Median} ({100.0 * subject.Summary.Median / baseline.Summary.Median |> plain} %%)"
        | Some cell, _ -> shown cell

    name + arrow metric.Better :: (table.Rows |> List.map cell)

/// Columns dealt into blocks that fit the width, families of metrics kept together.
let private blocks (labels: string list list) (table: Table) =
    let wide columns = columns |> List.sumBy (fun column -> 3 + (column |> List.map length |> List.max))
    let room = width - wide labels

    let families = table.Metrics |> List.groupBy family |> List.map (fun (_, names) -> names |> List.map (column table))

    let full, last =
        (([], []), families)
        ||> List.fold (fun (full, current) family ->
            if current <> [] && wide (current @ family) > room then full @ [ current ], family else full, current @ family)

    [ for block in full @ [ last ] -> labels @ block ]

/// Each unit and what is measured in it: a whole family by its name, else the metrics.
let private units (table: Table) =
    let unit name = (table.Rows |> List.pick (fun row -> row.Cells.TryFind name)).Metric.Unit

    table.Metrics
    |> List.groupBy family
    |> List.collect (fun (family, names) ->
        match names |> List.map unit |> List.distinct with
        | [ unit ] -> [ unit, family ]
        | _ -> names |> List.map (fun name -> unit name, name))
    |> List.filter (fun (unit, _) -> unit <> "")
    |> List.groupBy fst
    |> List.map (fun (unit, names) ->
        let names = String.Join(", ", List.map snd names)
        $"{names} in {unit}")

/// Units of training, the median of a row's completed runs.
let private spent (row: Row) =
    match row.Runs |> List.filter (fun run -> run.State = "completed") |> List.choose _.TrainUnits |> List.map float with
    | [] -> "n/a"
    | units ->
        match MathNet.Numerics.Statistics.Statistics.Median units with
        | many when many >= 999_500.0 -> (many / 1e6).ToString("0.##", CultureInfo.InvariantCulture) + " M"
        | many when many >= 1000.0 -> (many / 1e3).ToString("0", CultureInfo.InvariantCulture) + " k"
        | few -> few.ToString("0", CultureInfo.InvariantCulture)

let table (table: Table) =
    // Where nothing varies, what it all is about labels the one row.
    let labels =
        if table.Varying.IsEmpty then
            [ for key in [ "data.kind"; "method.kind" ] -> heading key :: [ for row in table.Rows -> setting row.Runs.Head key ] ]
        else
            [ for i, key in List.indexed table.Varying -> heading key :: [ for row in table.Rows -> row.Labels[i] ] ]

    let counts = [
        "n" :: [ for row in table.Rows -> string row.Completed ]
        "diverged" :: [ for row in table.Rows -> string row.Diverged ]
        "failed" :: [ for row in table.Rows -> string row.Failed ]
        "units" :: [ for row in table.Rows -> spent row ]
    ]

    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    say $"# {escaped table.Sweep}"

    for block in blocks (labels @ counts) table do
        say ""
        block |> List.transpose |> List.map (List.map escaped) |> aligned |> text.Append |> ignore

    say ""
    say "Mean ± half of its 95 % interval (Student) over seeds, of completed runs only; one or two seeds are listed;"
    say "[low, high] is the interval of the logarithm. Behind a baseline (/gaussian): the metric's median as a share of it."
    say "units: rows through one gradient in training, the median; n/a: the method has no such value (no density, no chains)."

    match units table with
    | [] -> ()
    | units -> say $"""Units: {String.Join("; ", units)}."""

    let unfinished = table.Rows |> List.collect _.Runs |> List.filter (fun run -> run.State <> "completed")

    if not unfinished.IsEmpty then
        say ""
        say "Not in any mean:"
        say ""

        for run in unfinished do
            let reason = run.Reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
            say $"- {escaped run.Id}, {run.State} at step {run.Step}{escaped reason}"

    string text
