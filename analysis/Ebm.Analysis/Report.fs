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
