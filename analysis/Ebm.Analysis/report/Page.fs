/// The report of a table: its comparison, figures, runs, failures and provenance. The same runs give the same bytes in any folder: the page
/// contains no time of writing, no path and no random id. Text from outside is escaped.
module Ebm.Analysis.Page

open System
open System.Globalization
open System.IO
open Giraffe.ViewEngine
open Ebm.Records
open Ebm.Analysis.Runs
open Ebm.Analysis.Table
open Ebm.Analysis.Html

/// The contents of a report.
type Report = {
    Table: Table
    Cast: Cast.Cast
    Figures: Figure.Figure list
    /// The folder and manifest of each run, by id.
    Folders: Map<string, RunFolder * RunManifest>
    /// Folders that look like runs and are not.
    Skipped: Skipped list
    /// plotly.js, if it was installed when the report was written.
    Plotly: string option
    /// Whether the folder has a report card.
    Card: bool
}

let private invariant = CultureInfo.InvariantCulture

let private provenance (report: Report) = Provenance.of' (report.Folders |> Map.toList |> List.map (fun (_, (_, manifest)) -> manifest))

/// The link to a run in the report.
let address (run: Run) = "#run=" + Uri.EscapeDataString run.Id

/// A state in a word, such as a run's.
let badge (word: string) = span [ ofClass $"state {word}" ] [ text word ]

/// The mark of an imported run.
let imported (source: string) = span [ ofClass "state imported"; attribute "title" source ] [ text "imported" ]

/// The state of a run, and whether it was imported.
let private badges (run: Run) = [
    badge (Kebab.Of run.State)
    match run.Imported with
    | Some source ->
        text " "
        imported source
    | None -> ()
]

let private runLink (run: Run) = anchor (address run) [ text run.Id ]

// ── summary ─────────────────────────────────────────────────────────────────────────────────

let private tile kind (count: int) says = div [ ofClass $"tile {kind}" ] [ b [] [ text (count.ToString invariant) ]; span [] [ text says ] ]

let private summary (report: Report) =
    let runs = report.Table.Rows |> List.collect _.Runs
    let counts = report.Table.Counts
    let queued = report.Table.Options.Queued.Length
    let seeds = runs |> List.map _.Seed |> List.distinct |> List.length

    [
        div [ ofClass "tiles" ] [
            tile "" counts.Planned (Text.plural counts.Planned "run" + " planned")
            tile "good" counts.Used "completed"
            tile (if counts.Diverged > 0 then "bad" else "") counts.Diverged "diverged"
            tile (if counts.Failed > 0 then "bad" else "") counts.Failed "failed"

            for n, says in
                [
                    counts.Imported, "imported"
                    counts.Pruned, "pruned"
                    counts.Unfinished, "unfinished"
                    queued, "queued"
                    counts.Missing - queued, "missing"
                    counts.Skipped, "unreadable"
                    List.sumBy snd (counts.Excluded @ counts.ImportedExcluded), "excluded"
                ] do
                if n > 0 then tile "" n says

            tile "" report.Table.Rows.Length (Text.plural report.Table.Rows.Length "group")
            tile "" seeds (Text.plural seeds "seed")
        ]
    ]

/// What the runs cost, and what they ran on. It follows the table, which a narrow page then shows at once.
let private costs (report: Report) =
    let runs = report.Table.Rows |> List.collect _.Runs
    let seconds = runs |> List.choose _.Seconds |> List.sum

    let spent =
        match runs |> List.filter (fun run -> run.State = RunState.Completed) |> List.choose _.TrainUnits |> List.map float with
        | [] -> []
        | spent ->
            let low, high = List.min spent, List.max spent
            let units = RunData.units
            [ "training, a run", (if high <= 1.01 * low then units high else $"{units low} to {units high}") ]

    let time =
        if seconds = 0.0 then []
        elif seconds < 5400.0 then [ "time of all runs", (seconds / 60.0).ToString("0", invariant) + " min" ]
        else [ "time of all runs", (seconds / 3600.0).ToString("0.0", invariant) + " h" ]

    definitions (spent @ time @ (provenance report |> List.filter (fun (name, _) -> List.contains name [ "machine"; "code"; "version" ])))

// ── tables ──────────────────────────────────────────────────────────────────────────────────

let private tools name (states: string list) (words: string) =
    let choice (state: string) says = option [ attribute "value" state ] [ text says ]

    div [ ofClass "tools"; named name; flag "hidden" ] [
        label [] [ text "Filter "; input [ attribute "type" "search"; attribute "placeholder" words ] ]
        if states.Length > 1 then
            label [] [
                text "State "
                select [] [
                    choice "" "any"
                    for state in states do
                        choice state state
                ]
            ]
        tag "output" [ attribute "aria-live" "polite" ] []
    ]

let private comparison (report: Report) = [
    tools "find-groups" [] "words that a row must have"
    div [ named "comparison"; attribute "data-tools" "find-groups" ] (HtmlTable.whole address report.Table)
]

/// A cell that sorts by a number; an empty one sorts last.
let private sortable (value: (string * string) option) otherwise =
    match value with
    | Some(number, shown) -> td [ attribute "data-value" number ] [ text shown ]
    | None -> td [ ofClass "none"; attribute "data-value" "" ] [ text otherwise ]

let private worded (content: XmlNode) = td [ ofClass "text" ] [ content ]

let private runTable (report: Report) = [
    let shown = report.Table
    let metrics = report.Cast.Judged |> List.truncate 6
    let runs = shown.Rows |> List.collect (fun row -> row.Runs |> List.map (fun run -> row, run))
    let states = runs |> List.map (fun (_, run) -> Kebab.Of run.State) |> List.distinct |> List.sort
    tools "find-runs" states "words, such as a seed or a method"

    div [ ofClass "scroll tall" ] [
        table [ ofClass "sortable"; named "all-runs"; attribute "data-tools" "find-runs" ] [
            thead [] [
                tr [] [
                    column "text" [ text "run" ]
                    column "text" [ text "state" ]
                    column "" [ text "seed" ]
                    for key in shown.Varying do
                        column "text" [ bdi (Cast.heading key) ]
                    for name in metrics do
                        column "" [ text name ]
                    column "" [ text "training units" ]
                    column "" [ text "seconds" ]
                ]
            ]
            tbody [] [
                for row, run in runs do
                    tr [ attribute "data-state" (Kebab.Of run.State) ] [
                        worded (runLink run)
                        td [ ofClass "text" ] (badges run)
                        td [] [ bdi run.Seed ]
                        for label in row.Labels do
                            worded (bdi label)
                        for name in metrics do
                            let value = run.Metrics.TryFind name |> Option.map _.Value
                            sortable (value |> Option.map (fun value -> number value, Shown.plain value)) "n/a"
                        sortable (run.TrainUnits |> Option.map (fun n -> n.ToString invariant, Figure.rounded 3 (float n))) ""
                        sortable (run.Seconds |> Option.map (fun n -> number n, n.ToString("0", invariant))) ""
                    ]
            ]
        ]
    ]
]

// ── failures ────────────────────────────────────────────────────────────────────────────────

let private failure (report: Report) (run: Run) =
    let isFailed = List.contains run.State [ RunState.Diverged; RunState.Failed; RunState.Timeout; RunState.Lost ]

    div [ ofClass (if isFailed then "failure" else "failure other") ] [
        badge (Kebab.Of run.State)
        text " "
        runLink run
        text $" at step {run.Step.ToString invariant}: "
        bdi (run.Reason |> Option.defaultValue "no reason recorded")
        match report.Folders.TryFind run.Id |> Option.map (fst >> LastWords.of') with
        | Some words when words <> "" -> details [] [ tag "summary" [] [ text "the end of its log" ]; pre [] [ text words ] ]
        | _ -> ()
    ]

let private failures (report: Report) = [
    let told = 60
    let runs = report.Table.Rows |> List.collect _.Runs |> List.filter (fun run -> run.State <> RunState.Completed)
    let queued = Set.ofList report.Table.Options.Queued
    let absent = report.Table.Options.Absent |> List.filter (queued.Contains >> not)

    if runs.IsEmpty && report.Skipped.IsEmpty && report.Table.Options.Absent.IsEmpty then paragraph "Every run completed."
    if not runs.IsEmpty then paragraph "These runs are not in any mean; the table counts them."

    for run in List.truncate told runs do
        failure report run

    if runs.Length > told then paragraph $"And {runs.Length - told} more, in the table of runs."

    for names, says in [ List.ofSeq queued, "Queued."; absent, "Planned, but missing: never run, or removed." ] do
        if not names.IsEmpty then
            paragraph says

            ul [] [
                for name in List.truncate told names do
                    li [] [ code [] [ text name ] ]
                if names.Length > told then li [] [ text $"and {names.Length - told} more" ]
            ]

    if not report.Skipped.IsEmpty then
        paragraph "Folders that look like runs and were skipped:"

        ul [] [
            for skip in report.Skipped do
                // The folder's name, not its path.
                let folder = string (Path.GetFileName skip.Path)
                li [] [ code [] [ text folder ]; text $": {skip.Why.Replace(skip.Path, folder)}" ]
        ]
]

// ── the page ────────────────────────────────────────────────────────────────────────────────

/// Notes on every table; the table's own notes are below it.
let private method' = [
    "A row of the table is a group: runs of one configuration on several seeds. Only completed runs enter a mean; runs that diverged "
    + "or failed are counted next to it."
    "The interval is over seeds, which set initialisation, order of data and noise of sampling. It does not cover other data "
    + "or settings. "
    + "Percentile bootstraps with nominal 95 % cover 75 to 84 % at three to five seeds; Student's t covers 95 % "
    + "for normal data."
    "The unit of cost is one row through one gradient of an energy or network, on any machine. Seconds are shown, but "
    + "are not a metric."
]

let private section name title = h2 [ named name ] [ text title ]

let private common (constant: (string * string) list) =
    let count = Text.counted constant.Length "setting"

    details [] [
        tag "summary" [] [ text $"{count} that all runs have in common" ]
        div [ ofClass "scroll" ] [
            table [] [
                tbody [] [
                    for key, value in constant do
                        tr [] [ worded (bdi key); td [ ofClass "text wrap" ] [ bdi value ] ]
                ]
            ]
        ]
    ]

/// The whole page.
let html (report: Report) =
    let sweep = report.Table.Sweep
    let runs = Text.counted (report.Table.Rows |> List.sumBy _.Runs.Length) "run"
    let groups = Text.counted report.Table.Rows.Length "group"
    let interactive = report.Plotly.IsSome

    let links = [
        "#table", "Table"
        if not report.Figures.IsEmpty then "#figures", "Figures"
        "#runs", "Runs"
        "#failures", "Failures"
        "#method", "Statistics"
        "#provenance", "Provenance"
        if report.Card then "card.html", "Card"
    ]

    [
        h1 [] [ bdi sweep ]
        p [ ofClass "lead" ] [ text $"{runs} in {groups}" ]
        rawText (Svg.definitions report.Figures)
        yield! summary report
        section "table" "Comparison"
        yield! comparison report
        costs report
        if not report.Figures.IsEmpty then
            section "figures" "Figures"
            if not interactive then FigureHtml.still
            for one in report.Figures do
                FigureHtml.figure (if interactive then FigureHtml.AtAClick else FigureHtml.Never) one
        h2 [ named "runs"; attribute "tabindex" "-1" ] [ text "Runs" ]
        tag "section" [ named "run"; flag "hidden"; attribute "aria-label" "One run" ] []
        yield! runTable report
        if not report.Table.Constant.IsEmpty then common report.Table.Constant
        section "failures" "Failures"
        yield! failures report
        section "method" "Statistics"
        yield! List.map paragraph method'
        section "provenance" "Provenance"
        definitions (provenance report)
    ]
    |> Frame.framed {
        Title = $"{Text.short 80 sweep}: report"
        Name = sweep
        Links = links
        Skip = "#comparison", "To the table"
        Plotly = report.Plotly
        Data = [
            Frame.block "run-data" (JsonText.PageOf(RunData.of' report.Table report.Folders))
            if interactive then yield! FigureHtml.plots report.Figures
        ]
    }
