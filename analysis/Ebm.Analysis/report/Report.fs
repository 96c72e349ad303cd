/// The files of a sweep's table.
module Ebm.Analysis.Report

open System
open System.IO
open Ebm.Records
open Ebm.Analysis.Table

/// The files of a table, by name. The same runs give the same bytes in any folder.
let files (table: Table) = [
    "table.csv", Csv.runs table
    "summary.csv", Csv.summary table
    "table.md", Markdown.table table
    "table.tex", Latex.table table
    "macros.tex", Latex.macros table
    "table.json", Json.table table
    if not table.Options.Baseline.IsEmpty then
        "versus.csv", Csv.versus table
        "versus.tex", Latex.versus table
]

/// Writes files, by name, into a folder, each completely or not at all, and returns their paths.
let writeFiles (folder: string) (files: (string * string) list) =
    Directory.CreateDirectory folder |> ignore

    files
    |> List.map (fun (name, text) ->
        let path = Path.Combine(folder, name)
        // Each process has its own draft, so that two tables written at the same time do not mix.
        let draft = Path.Combine(folder, $".{name}.{Environment.ProcessId}")
        File.WriteAllText(draft, text)
        File.Move(draft, path, true)
        path)

/// Writes a table's files into a folder, and returns their paths.
let write (folder: string) (table: Table) = writeFiles folder (files table)

/// The table of a sweep's folder, None if no run has begun; and the skipped folders. `doubts` gives further reasons to mark a run.
let tableWith (doubts: Runs.Run -> string option) (folder: string) : Table option * Runs.Skipped list =
    let runs, skipped = Runs.under folder
    let known = Runs.names runs skipped
    let retired = [
        for run in runs do
            match run.Retired with
            | Some because -> run, because
            | None -> ()
    ]

    let runs = [
        for run in runs do
            if run.Retired.IsNone then { run with Doubt = run.Doubt |> Option.orElseWith (fun () -> doubts run) }
    ]

    if runs.IsEmpty then
        None, skipped
    else
        let plans = Plans.read folder
        let absent = Plans.absent [ folder ] known

        let options = {
            usualOptions with
                Skipped = skipped |> List.filter _.IsRun |> List.length
                Decides = plans |> List.tryLast |> Option.bind _.Metric
                Baseline = plans |> List.tryLast |> Option.map _.Baseline |> Option.defaultValue []
                Absent = absent
                Retired = retired
                Queued = Plans.queued [ folder ] absent
        }

        let table = tabulateWith options (string (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath folder)))) runs
        Some table, skipped

/// The table of some of a table's runs, such as those of one command. `skipped` are the folders that are not runs.
let ofRuns (ids: Set<string>) (skipped: Runs.Skipped list) (table: Table) : Table =
    let runs = table.Rows |> List.collect _.Runs
    let kept = runs |> List.filter (fun run -> ids.Contains run.Id)

    if kept.Length = runs.Length then
        table
    else
        let options = {
            table.Options with
                Absent = table.Options.Absent |> List.filter ids.Contains
                Queued = table.Options.Queued |> List.filter ids.Contains
                Retired = table.Options.Retired |> List.filter (fun (run, _) -> ids.Contains run.Id)
                Skipped =
                    skipped |> List.filter (fun skip -> skip.IsRun && ids.Contains(string (Path.GetFileName skip.Path))) |> List.length
        }

        tabulateWith options table.Sweep kept

/// plotly.js from a repository's analysis/plotly; None if npm did not install it.
let plotly (root: string) =
    let path = Path.Combine(root, "analysis", "plotly", "node_modules", "plotly.js-basic-dist-min", "plotly-basic.min.js")
    if File.Exists path then Some(File.ReadAllText path) else None

/// The table of a sweep's folder, whose runs' own hashes are checked.
let tableOf (folder: string) : Table option * Runs.Skipped list = tableWith (fun _ -> None) folder

/// Writes a table's report, reports/<sweep>/index.html, and its figures as SVG next to it, and returns the report's path. `folder` has the
/// table's runs; `skipped` are its folders that are not runs.
let page (plotly: string option) (folder: string) (reports: string) (table: Table, skipped: Runs.Skipped list) =
    let known = table.Rows |> List.collect _.Runs |> List.map _.Id |> Set.ofList

    let folders =
        RunTree.Look folder
        |> Seq.choose (fun found ->
            match found.Run, found.Manifest with
            | NonNull run, NonNull manifest when known.Contains run.Id -> Some(run.Id, (run, manifest))
            | _ -> None)
        |> Map.ofSeq

    let cast = Cast.cast (folders |> Map.toList |> List.map (snd >> fst)) table

    // Folders that are not runs, such as that of launches, do not concern the reader.
    let skipped = skipped |> List.filter _.IsRun
    let place = Path.Combine(reports, table.Sweep)

    let report: Page.Report = {
        Table = table
        Cast = cast
        Figures = Gallery.figures cast
        Folders = folders
        Skipped = skipped
        Plotly = plotly
        Card = File.Exists(Path.Combine(place, "card.html"))
    }

    let drawings = Path.Combine(place, "figures")
    // A figure of an earlier report would look like one of these runs.
    if Directory.Exists drawings then Directory.Delete(drawings, true)
    Directory.CreateDirectory drawings |> ignore

    for figure in report.Figures do
        AtomicFile.Write(Path.Combine(drawings, figure.Id + ".svg"), Svg.standalone figure)

    let path = Path.Combine(place, "index.html")
    AtomicFile.Write(path, Page.html report)
    path
