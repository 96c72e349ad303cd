/// The files that a sweep's table becomes.
module Ebm.Analysis.Report

open System
open System.IO
open Ebm.Analysis.Table

/// Writes a table's files into a folder, each whole or not at all, and returns their paths. The same runs give the same bytes.
let write (folder: string) (table: Table) =
    Directory.CreateDirectory folder |> ignore

    [
        "table.csv", Csv.runs table
        "summary.csv", Csv.summary table
        "table.md", Markdown.table table
        "table.json", Json.table table
    ]
    |> List.map (fun (name, text) ->
        let path = Path.Combine(folder, name)
        // Each writer has a draft of its own, so that two tables written at once cannot mix.
        let draft = Path.Combine(folder, $".{name}.{Environment.ProcessId}")
        File.WriteAllText(draft, text)
        File.Move(draft, path, true)
        path)

/// Tabulates the runs of a sweep's folder and writes the files to reports/<sweep>. None where no run there has begun; and what was
/// skipped in either case.
let ofSweep (folder: string) (reports: string) : Table option * Runs.Skipped list =
    let runs, skipped = Runs.under folder

    if runs.IsEmpty then
        None, skipped
    else
        let table = tabulate (string (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath folder)))) runs
        write (Path.Combine(reports, table.Sweep)) table |> ignore
        Some table, skipped
