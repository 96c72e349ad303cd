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

/// Writes the table of a sweep's folder and prints it; with `reporting`, also writes the report. The files cover the sweep's folder; the
/// printed table only the runs in `only`, if given, unless --whole is. Returns whether a run of the folder has begun.
let private tabulated
    (place: Place)
    (reporting: bool)
    (only: Set<string> option)
    (folder: string, table: Table.Table option * Runs.Skipped list)
    : bool =
    let has (option: Quotations.Expr<CommandLine.Option>) = place.Given.Options.Contains option
    let plotly = if reporting then Some(Report.plotly place.Root) else None
    let written = ReportFiles.writeTable place.Root plotly folder place.Reports table

    for skip in written.Skipped do
        eprintfn $"{relative skip.Path}: {skip.Why}; it is skipped."

    match written.Table with
    | Some table when has <@ CommandLine.Option.Json @> -> Console.Write(Json.table table)
    | Some table ->
        let ids = only |> Option.filter (fun _ -> not (has <@ Whole @>))
        let printed = ids |> Option.map (fun ids -> Report.ofRuns ids written.Skipped table) |> Option.defaultValue table
        let runs (table: Table.Table) = table.Rows |> List.sumBy _.Runs.Length
        Console.WriteLine()

        if has <@ All @> then Console.WriteLine(Markdown.table printed) else Console.WriteLine(Terminal.block printed)

        match runs table - runs printed with
        | 0 -> ()
        | others ->
            let files = relative (Path.Combine(place.Reports, table.Sweep))

            for line in
                Terminal.wrapped
                    Terminal.width
                    $"""{Text.counted others "run"} of {relative folder} not shown: --whole shows every run; the files in {files} cover every run.""" do
                Console.WriteLine line

        let file = relative (Path.Combine(place.Reports, table.Sweep, "table.md"))
        Terminal.more (written.Page |> Option.map relative) file |> List.iter Console.WriteLine
    | None -> ()

    written.Table.IsSome

/// The same of a sweep's folder as it is now.
let internal tabulate (place: Place) (reporting: bool) (only: Set<string> option) (folder: string) : bool =
    tabulated place reporting only (folder, ReportFiles.tableOf folder)

let internal printTables (place: Place) =
    let isStrict = place.Given.Options.Contains <@ CommandLine.Option.Strict @>
    // The tables that --strict has checked are the ones that are written; without it, one is in memory at a time.
    let ofFolder (folder: string) = folder, ReportFiles.tableOf folder

    let tables: (string * (Table.Table option * Runs.Skipped list)) seq =
        if isStrict then List.map ofFolder (sweepFolders place) else Seq.map ofFolder (sweepFolders place)

    match sweepFolders place with
    | [] -> usage place.Given.Verb $"{relative place.Runs} has no sweep yet."
    | _ when isStrict && ReportFiles.refuses (tables |> Seq.choose (snd >> fst) |> List.ofSeq) -> 3
    | _ ->
        match tables |> Seq.filter (tabulated place (place.Given.Verb = "report") None) |> List.ofSeq with
        | [] -> usage place.Given.Verb "no run of the sweep has started, or all are retired."
        | _ -> 0
