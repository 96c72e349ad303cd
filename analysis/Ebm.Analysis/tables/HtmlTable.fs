/// A table as a fragment of HTML for a page, without scripts, styles and outside addresses. Cells have their numbers in data-value, so that
/// a page can sort them, and link to the runs of their row.
module Ebm.Analysis.HtmlTable

open System
open Giraffe.ViewEngine
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table
open Ebm.Analysis.Html

/// A name, shortened if it is long, with the whole name as its title; its direction of writing does not affect the text around it.
let private name (whole: string) =
    let brief = Shown.brief whole
    tag "bdi" [ if brief <> whole then attribute "title" whole ] [ text brief ]

let private arrow better =
    let sign says arrow = [ rawText " "; span [ attribute "title" $"{says} is better" ] [ rawText arrow ] ]

    match better with
    | Direction.Lower -> sign "lower" "↓"
    | Direction.Higher -> sign "higher" "↑"
    | _ -> []

/// The title of a cell, which explains its numbers.
let private title (row: Row) (cell: Cell) =
    let low, high, interval = bounds cell.Summary

    let test =
        match cell.Test with
        | Some test -> $"; against the best: p = {Shown.probability test.P}, {Shown.probability test.Adjusted} by Holm ({test.By.Says})"
        | None -> ""

    let values = String.Join(", ", [ for seed, value in List.zip cell.Seeds cell.Values -> $"{seed}: {Shown.plain value}" ])
    let range = if Double.IsFinite low then $"; {interval} [{Shown.plain low}, {Shown.plain high}]" else ""
    $"n = {cell.Summary.N} of {row.Ended}{range}{test}; by seed {values}"

let private aside (content: string) = [ rawText " "; tag "small" [] [ text $"({content})" ] ]

let private heading (table: Table) metric =
    let found = Shown.metricOf table metric
    let better, unit = found |> Option.map (fun metric -> metric.Better, metric.Unit) |> Option.defaultValue (Direction.None, "")

    th [ attribute "scope" "col"; ofClass "number"; attribute "data-metric" metric ] [
        name (columnOf table metric).Label
        yield! arrow better
        if unit <> "" then yield! aside unit
    ]

/// A number of a row, and further content of the cell.
let private count (value: int) (content: XmlNode list) = td [ ofClass "number"; attribute "data-value" (string value) ] content

let private cell (table: Table) (i: int) (row: Row) metric =
    match row.Cells.TryFind metric with
    | None -> td [ ofClass "number" ] [ text (Shown.absent row) ]
    | Some cell ->
        let shown = text (Markdown.text (Shown.cell (columnOf table metric).Decimals (Some cell)))
        let best = Shown.isBold cell

        td [
            ofClass (if best then "number best" else "number")
            if cell.Withheld.IsNone then attribute "data-value" (number cell.Summary.Centre)
            attribute "title" (title row cell)
        ] [
            anchor $"#row-{i + 1}" [ if best then strong [] [ shown ] else shown ]
            match Shown.share row cell with
            | Some share -> yield! aside share
            | None -> ()
            match Shown.shareOf table row metric, Shown.comparedWith table metric with
            | Some share, Some reference -> yield! aside $"{share} {Shown.shareHeading reference}"
            | _ -> ()
            text (Notes.mark cell)
        ]

/// The headings of the labels; a narrow page shows the first column only, with the other labels in it.
let private labelHeadings (labels: (string * string list) list) = [
    for i, (heading, _) in List.indexed labels do
        th [ attribute "scope" "col"; if i > 0 then ofClass "further" ] [ name heading ]
]

let private labelCells (labels: (string * string list) list) (row: int) = [
    for i, (_, texts) in List.indexed labels do
        th [ attribute "scope" "row"; if i > 0 then ofClass "further" ] [
            name texts[row]

            if i = 0 && labels.Length > 1 then
                let others = [
                    for heading, texts in labels.Tail do
                        if texts[row] <> "" then $"{heading} {texts[row]}"
                ]
                tag "small" [ ofClass "folded" ] [ text (Shown.brief (String.Join(", ", others))) ]
        ]
]

/// The primary metrics, then the counts and costs of runs, which are under their number. `address` is the link to a run: "#run-…" in a page
/// that has all of them.
let private results (address: Run -> string) (table: Table) =
    let labels = Shown.labels table
    let metrics = Shown.primaries table

    let runs (row: Row) = [
        for i, run in List.indexed row.Runs do
            if i > 0 then rawText " "
            anchor (address run) [ text run.Seed ]
    ]

    tag "table" [ ofClass "results"; attribute "data-hash" table.Hash ] [
        caption [] [ bdi (defaultArg table.Options.Title table.Sweep) ]
        thead [] [
            tr [] [
                yield! labelHeadings labels
                for metric in metrics do
                    heading table metric
                for heading in [ "n"; "diverged"; "failed"; "units"; "CPU s" ] do
                    column "number" [ text heading ]
            ]
        ]
        tbody [] [
            for i, row in List.indexed table.Rows do
                let again = Notes.markOf row

                tr [] [
                    yield! labelCells labels i
                    for metric in metrics do
                        cell table i row metric
                    count row.Completed [
                        details [ named $"row-{i + 1}" ] [ summary [] [ text $"{row.Completed}{again}" ]; text "seeds "; yield! runs row ]
                    ]
                    count row.Diverged [ text (string row.Diverged) ]
                    count row.Failed [ text (string row.Failed) ]
                    td [ ofClass "number" ] [ text (Shown.spent row) ]
                    td [ ofClass "number" ] [ text (Shown.cpu row) ]
                ]
        ]
    ]

/// The notes that explain a table of these metrics.
let private explained (metrics: string list) (table: Table) =
    let table = { table with Metrics = metrics }
    Notes.all table @ Shown.legend table

/// The other metrics, in a table that is closed at first, and those notes that only they need.
let private others (table: Table) = [
    let first = Shown.primaries table
    let metrics = table.Metrics |> List.except first

    if not metrics.IsEmpty then
        let labels = Shown.labels table

        details [ ofClass "others" ] [
            summary [] [
                text $"""{Text.counted metrics.Length "other metric"}: other views of the quality, comparison values, diagnostics"""
            ]
            tag "table" [ ofClass "results" ] [
                thead [] [
                    tr [] [
                        yield! labelHeadings labels
                        for metric in metrics do
                            heading table metric
                    ]
                ]
                tbody [] [
                    for i, row in List.indexed table.Rows do
                        tr [] [
                            yield! labelCells labels i
                            for metric in metrics do
                                cell table i row metric
                        ]
                ]
            ]
            div [ ofClass "notes" ] (explained metrics table |> List.except (explained first table) |> List.map paragraph)
        ]
]

/// The row with the best mean, the table and its notes.
let fragment (address: Run -> string) (table: Table) : XmlNode list =
    let notes = explained (Shown.primaries table) table @ [ Shown.costs ]
    [
        yield! Notes.winner table |> List.map paragraph
        results address table
        yield! others table
        div [ ofClass "notes" ] (List.map paragraph notes)
    ]

/// A plain table with headings and a note.
let private lines title (headings: string list) (rows: string list list) note = [
    tag "table" [ ofClass "results versus" ] [
        caption [] [ text title ]
        thead [] [ tr [] (headings |> List.map (fun heading -> column "" [ name heading ])) ]
        tbody [] [
            for row in rows do
                tr [] (row |> List.map (fun cell -> td [] [ name cell ]))
        ]
    ]
    paragraph note
]

/// "A against the baseline", if a baseline was named.
let versus (table: Table) : XmlNode list =
    match Versus.all table with
    | [] -> []
    | all ->
        let rows = all |> List.map (Shown.versusCells Markdown.text id table)
        lines "Against the baseline, on the same seeds" (Shown.versusHeadings table) rows (Shown.versusNote table)

/// One number per method over all data sets, if there are two or more.
let aggregates (table: Table) : XmlNode list =
    match Aggregate.all table with
    | [] -> []
    | all ->
        let rows = all |> List.map (Shown.aggregateCells table all)
        lines "Over all data sets" (Shown.aggregateHeadings table all) rows Shown.aggregateNote

/// All tables and notes.
let whole (address: Run -> string) (table: Table) : XmlNode list = fragment address table @ versus table @ aggregates table
