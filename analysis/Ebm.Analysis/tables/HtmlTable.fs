/// A table as a fragment of HTML, to be put into a page: no script, no style, no address outside the page. Cells carry their numbers in
/// data-value, so that a page can sort them, and lead to the runs of their row.
module Ebm.Analysis.HtmlTable

open System
open System.Text
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table

/// Text that stays text between tags and inside quoted attributes.
let escaped (text: string) =
    let builder = StringBuilder()

    for c in Shown.visible text do
        match c with
        | '&' -> "&amp;"
        | '<' -> "&lt;"
        | '>' -> "&gt;"
        | '"' -> "&quot;"
        | '\'' -> "&#39;"
        | c -> string c
        |> builder.Append
        |> ignore

    string builder

/// A name, cut where it is long, whole when one points at it; its direction does not turn what stands beside it.
let private name (text: string) =
    let brief = Shown.brief text
    let title = if brief = text then "" else $" title=\"{escaped text}\""
    $"<bdi{title}>{escaped brief}</bdi>"

let private arrow better =
    match better with
    | Direction.Lower -> " <span title=\"lower is better\">↓</span>"
    | Direction.Higher -> " <span title=\"higher is better\">↑</span>"
    | _ -> ""

/// What a cell's numbers are, for those who point at it.
let private title (row: Row) (cell: Cell) =
    let low, high, interval = bounds cell.Summary

    let test =
        match cell.Test with
        | Some test -> $"; against the best: p = {Shown.probability test.P}, {Shown.probability test.Adjusted} by Holm ({test.By.Says})"
        | None -> ""

    let values = String.Join(", ", [ for seed, value in List.zip cell.Seeds cell.Values -> $"{seed}: {Shown.plain value}" ])
    let range = if Double.IsFinite low then $"; {interval} [{Shown.plain low}, {Shown.plain high}]" else ""
    $"n = {cell.Summary.N} of {row.Ended}{range}{test}; by seed {values}"

/// The table in one piece, every row's runs under its n. `link` is where a run is shown: "#run-…" in a page that has all of them.
let fragment (link: Run -> string) (table: Table) =
    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    let labels = Shown.labels table
    say $"<table class=\"results\" data-hash=\"{table.Hash}\">"
    say $"<caption><bdi>{escaped (defaultArg table.Options.Title table.Sweep)}</bdi></caption>"
    say "<thead><tr>"

    for heading, _ in labels do
        say $"<th scope=\"col\">{name heading}</th>"

    for heading in [ "n"; "diverged"; "failed"; "units" ] do
        say $"<th scope=\"col\" class=\"number\">{heading}</th>"

    for metric in table.Metrics do
        let found = Shown.metricOf table metric
        let better = found |> Option.map _.Better |> Option.defaultValue Direction.None
        let unit = found |> Option.map _.Unit |> Option.defaultValue ""
        let unit = if unit = "" then "" else $" <small>({escaped unit})</small>"
        say (
            $"<th scope=\"col\" class=\"number\" data-metric=\"{escaped metric}\">"
            + $"{name (columnOf table metric).Label}{arrow better}{unit}</th>"
        )

    say "</tr></thead>"
    say "<tbody>"

    for i, row in List.indexed table.Rows do
        say "<tr>"

        for _, labels in labels do
            say $"<th scope=\"row\">{name labels[i]}</th>"

        let runs = String.Join(" ", [ for run in row.Runs -> $"<a href=\"{escaped (link run)}\">{escaped run.Seed}</a>" ])
        let again = if row.Intervened.IsEmpty then "" else "*"
        let summary = $"<summary>{row.Completed}{again}</summary>seeds {runs}"
        say $"<td class=\"number\" data-value=\"{row.Completed}\"><details id=\"row-{i + 1}\">{summary}</details></td>"
        say $"<td class=\"number\" data-value=\"{row.Diverged}\">{row.Diverged}</td>"
        say $"<td class=\"number\" data-value=\"{row.Failed}\">{row.Failed}</td>"
        say $"<td class=\"number\">{Shown.spent row}</td>"

        for metric in table.Metrics do
            match row.Cells.TryFind metric with
            | None -> say "<td class=\"number\">n/a</td>"
            | Some cell ->
                let shown = Markdown.text (Shown.cell (columnOf table metric).Decimals (Some cell))
                let best = if Shown.isBold cell then " best" else ""
                let open', close = if best = "" then "", "" else "<strong>", "</strong>"
                let share = Shown.share row cell |> Option.map (sprintf " <small>(%s)</small>") |> Option.defaultValue ""
                let baseline =
                    Shown.shareOf table row metric
                    |> Option.map (fun (_, share) -> $" <small>({share} %%)</small>")
                    |> Option.defaultValue ""
                let value = if cell.Withheld.IsSome then "" else $" data-value=\"{number cell.Summary.Centre}\""
                let inside = $"<a href=\"#row-{i + 1}\">{open'}{escaped shown}{close}</a>{share}{baseline}{Notes.mark cell}"
                say $"<td class=\"number{best}\"{value} title=\"{escaped (title row cell)}\">{inside}</td>"

        say "</tr>"

    say "</tbody>"
    say "</table>"
    say "<div class=\"notes\">"

    for note in Notes.all table @ Shown.legend table @ [ "units: rows through one gradient in training, the median." ] do
        say $"<p>{escaped note}</p>"

    say "</div>"
    string text

/// A plain table of some lines under headings, and what it means.
let private lines caption (headings: string list) (rows: string list list) note =
    let text = StringBuilder()
    let say (line: string) = text.Append(line).Append('\n') |> ignore
    say "<table class=\"results versus\">"
    say $"<caption>{escaped caption}</caption>"
    say "<thead><tr>"
    headings |> List.iter (fun heading -> say $"<th scope=\"col\">{name heading}</th>")
    say "</tr></thead>"
    say "<tbody>"

    for row in rows do
        say ("<tr>" + String.Join("", row |> List.map (fun cell -> $"<td>{name cell}</td>")) + "</tr>")

    say "</tbody></table>"
    say $"<p>{escaped note}</p>"
    string text

/// "A against the baseline", where one was named; else nothing.
let versus (table: Table) =
    match Versus.all table with
    | [] -> ""
    | all ->
        let rows = all |> List.map (Shown.versusCells Markdown.text id table)
        lines "Against the baseline, on the same seeds" (Shown.versusHeadings table) rows (Shown.versusNote table)

/// One number a method over all data sets, where there are two or more; else nothing.
let aggregates (table: Table) =
    match Aggregate.all table with
    | [] -> ""
    | all ->
        let rows = all |> List.map (Shown.aggregateCells table all)
        lines "Over all data sets" (Shown.aggregateHeadings table all) rows Shown.aggregateNote
