/// A table as Markdown that also reads well in a terminal: a row per group; the primary metrics, the counts and the cost of runs, then every
/// other metric, in new blocks of columns where a line would become too long.
module Ebm.Analysis.Markdown

open System
open System.Globalization
open System.Text
open Ebm.Records
open Ebm.Analysis.Table
open Ebm.Records

/// Columns of one block fit into a terminal of this width.
let private width = 100

/// Escapes text so that it cannot end its cell or become mark-up.
let escaped (text: string) =
    let text = text |> Shown.visible |> Shown.brief
    let builder = StringBuilder()

    for i in 0 .. text.Length - 1 do
        match text[i] with
        | '|'
        | '*'
        | '`'
        | '<'
        | '&'
        | '\\' -> builder.Append('\\').Append text[i] |> ignore
        // Brackets alone are not a link; "](" is.
        | '(' when i > 0 && text[i - 1] = ']' -> builder.Append "\\(" |> ignore
        | character -> builder.Append character |> ignore

    string builder

/// Escapes a note, without shortening it.
let private escapedNote (text: string) =
    text.Replace("\\", "\\\\").Replace("*", "\\*").Replace("`", "\\`").Replace("<", "\\<").Replace("|", "\\|") |> Shown.visible

let private scientific (exponent: int) = FormattableString.Invariant $"e{exponent}"

/// A cell without bold.
let text (cell: Shown.Shown) =
    match cell with
    | Shown.NotMeasured -> "n/a"
    | Shown.NotShown -> "–"
    | Shown.Single(value, None)
    | Shown.Constant value -> value
    | Shown.Single(value, Some se) -> $"{value} (se {se})"
    | Shown.Listed values -> String.Join(", ", values)
    | Shown.PlusMinus(centre, half, 0) -> $"{centre} ± {half}"
    | Shown.PlusMinus(centre, half, exponent) -> $"({centre} ± {half}){scientific exponent}"
    | Shown.Within(centre, low, high) -> $"{centre} [{low}, {high}]"

let private cellText = text

let private shown (table: Table) name (row: Row) =
    let found = row.Cells.TryFind name
    let text = text (Shown.cell (columnOf table name).Decimals found)

    match found with
    | None -> Shown.absent row
    | Some cell ->
        let share = Shown.share row cell |> Option.map (sprintf " (%s)") |> Option.defaultValue ""
        let bold = if Shown.isBold cell then "**" else ""
        bold + text + bold + share + (Notes.mark cell).Replace("*", "\\*")

let private length (text: string) = StringInfo(text).LengthInTextElements

/// Pads columns to equal width; the first line is the heading.
let aligned (rows: string list list) =
    let widths = rows |> List.transpose |> List.map (List.map length >> List.max)

    let line (fields: string list) =
        let padded = List.map2 (fun width text -> text + String(' ', width - length text)) widths fields
        "| " + String.Join(" | ", padded) + " |\n"

    let rule = "|" + String.Join("|", widths |> List.map (fun width -> String('-', width + 2))) + "|\n"

    match rows with
    | header :: body -> line header + rule + String.Join("", body |> List.map line)
    | [] -> ""

let arrow better =
    match better with
    | Direction.Lower -> " ↓"
    | Direction.Higher -> " ↑"
    | _ -> ""

/// A metric's columns: its heading, then its cells; and the values as shares of the metric's comparison value, if it has one.
let private columns (table: Table) (name: string) = [
    let better = Shown.metricOf table name |> Option.map _.Better |> Option.defaultValue Direction.None
    escaped (columnOf table name).Label + arrow better :: (table.Rows |> List.map (shown table name))

    match Shown.comparedWith table name with
    | Some reference ->
        escaped (Shown.shareHeading reference)
        :: [ for row in table.Rows -> Shown.shareOf table row name |> Option.defaultValue (Shown.absent row) ]
    | None -> ()
]

/// Puts the labels before groups of columns, in blocks that fit the width; a group stays together.
let private blocks (labels: string list list) (groups: string list list list) =
    let wide columns = columns |> List.sumBy (fun column -> 3 + (column |> List.map length |> List.max))
    let room = width - 1 - wide labels

    let full, last =
        (([], []), groups)
        ||> List.fold (fun (full, current) group ->
            if current <> [] && wide (current @ group) > room then full @ [ current ], group else full, current @ group)

    [ for block in full @ [ last ] -> labels @ block ]

let table (table: Table) =
    let labels = [ for heading, labels in Shown.labels table -> escaped heading :: List.map escaped labels ]
    let again (row: Row) = (Notes.markOf row).Replace("*", "\\*")

    let counts = [
        "n" :: [ for row in table.Rows -> string row.Completed + again row ]
        "diverged" :: [ for row in table.Rows -> string row.Diverged ]
        "failed" :: [ for row in table.Rows -> string row.Failed ]
        "units" :: [ for row in table.Rows -> Shown.spent row ]
        "CPU s" :: [ for row in table.Rows -> Shown.cpu row ]
    ]

    let first = Shown.primaries table
    let others = table.Metrics |> List.filter (fun name -> not (List.contains name first))
    let groups = List.map (columns table) first @ [ counts ] @ List.map (columns table) others

    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    say $"# {escaped (defaultArg table.Options.Title table.Sweep)}"

    for note in Notes.winner table do
        say ""
        say (escapedNote note)

    for block in blocks labels groups do
        say ""
        block |> List.transpose |> aligned |> text.Append |> ignore

    say ""

    for note in Notes.all table @ Shown.legend table @ [ Shown.costs ] do
        // Two spaces at the end break the line; notes contain no mark-up.
        say $"{escapedNote note}  "

    let section title (headings: string list) (rows: string list list) note =
        say ""
        say $"## {title}"
        say ""
        headings :: rows |> List.map (List.map escaped) |> aligned |> text.Append |> ignore
        say ""
        say $"{escapedNote note}  "

    match Versus.all table with
    | [] -> ()
    | versus ->
        let rows = versus |> List.map (Shown.versusCells cellText id table)
        section "Against the baseline" (Shown.versusHeadings table) rows (Shown.versusNote table)

    match Aggregate.all table with
    | [] -> ()
    | aggregates ->
        let rows = aggregates |> List.map (Shown.aggregateCells table aggregates)
        section "Over all data sets" (Shown.aggregateHeadings table aggregates) rows Shown.aggregateNote

    let unfinished = table.Rows |> List.collect _.Runs |> List.filter (fun run -> run.State <> RunState.Completed)

    if not unfinished.IsEmpty then
        say ""
        say "Not in any mean:"
        say ""

        for run in unfinished do
            let reason = run.Reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
            say $"- {escaped run.Id}, {Kebab.Of run.State} at step {run.Step}{escaped reason}"

    let isQueued = Set.ofList table.Options.Queued
    let missing = table.Options.Absent |> List.filter (isQueued.Contains >> not)

    for runs, says in [ table.Options.Queued, "Queued:"; missing, "Planned, but missing (never run, or removed):" ] do
        if not runs.IsEmpty then
            say ""
            say says
            say ""

            for id in runs do
                say $"- {escaped id}"

    string text
