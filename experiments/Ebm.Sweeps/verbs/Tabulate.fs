/// Writes the results of a sweep: entries in the ledger, tables and the report.
module Ebm.Sweeps.Tabulate

open System
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Child
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

// ── The ledger ──────────────────────────────────────────────────────────────────────────────

/// Enters ended runs, and names those whose manifests the ledger does not explain.
let internal enterRuns (place: Place) (folders: RunFolder seq) =
    for folder, why in Manifests.enterRuns place.Runs folders do
        eprintfn $"{relative folder.Path} was not entered into the ledger: {why}."

/// Enters each run when it begins and when it ends.
let internal entering (place: Place) (display: Launch.IDisplay) = {
    new Launch.IDisplay with
        member _.Say text = display.Say text

        member _.Began job =
            Ledger.trying (fun () -> Manifests.enterBegun place.Runs [ RunFolder.Open job.Run.Folder ])
            display.Began job

        member _.Tick snapshot = display.Tick snapshot

        member _.Ended(outcome, snapshot) =
            Ledger.trying (fun () -> enterRuns place [ RunFolder.Open outcome.Job.Run.Folder ])
            display.Ended(outcome, snapshot)
}

// ── table ───────────────────────────────────────────────────────────────────────────────────

/// Writes and prints a sweep's table; with `reporting`, also writes the report and prints its path. With `strict`, a table with marked runs is
/// refused. Returns the exit code; None if no run of the folder has begun.
let internal tabulate (place: Place) (asJson: bool) (reporting: bool) (strict: bool) (folder: string) : int option =
    let doubted =
        if not strict then
            []
        else
            match ReportFiles.tableOf folder with
            | Some table, _ -> table.Rows |> List.collect _.Doubted
            | None, _ -> []

    if not doubted.IsEmpty then
        for run in doubted do
            eprintfn $"{relative run.Path}: {run.Doubt.Value}."

        eprintfn "With --strict, no table is written of these runs; `audit verify` names every alteration."
        Some 3
    else
        let plotly = if reporting then Some(Report.plotly place.Root) else None
        let written = ReportFiles.write place.Root plotly folder place.Reports

        for skip in written.Skipped do
            eprintfn $"{relative skip.Path}: {skip.Why}; it is skipped."

        match written.Table with
        | Some table when asJson -> Console.Write(Json.table table)
        | Some table ->
            Console.WriteLine()
            Console.WriteLine(Markdown.table table)
            Console.WriteLine(relative (Path.Combine(place.Reports, table.Sweep, "table.md")))
            written.Page |> Option.iter (relative >> Console.WriteLine)
        | None -> ()

        written.Table |> Option.map (fun _ -> 0)

let internal printTables (place: Place) =
    let asJson, strict =
        place.Given.Options.Contains <@ CommandLine.Option.Json @>, place.Given.Options.Contains <@ CommandLine.Option.Strict @>

    let reporting = place.Given.Verb = "report"

    match sweepFolders place with
    | [] -> usage place.Given.Verb $"{relative place.Runs} has no sweep yet."
    | folders ->
        match folders |> List.choose (tabulate place asJson reporting strict) with
        | [] -> usage place.Given.Verb "no run of the sweep has started, or all are retired."
        | codes -> List.max codes
