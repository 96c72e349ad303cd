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

/// Writes to the ledger. A failure is only printed, so that no result is lost.
let internal enter (write: unit -> unit) =
    try
        write ()
    with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException as error -> eprintfn $"The ledger could not be written: {error.Message}"

/// Enters each run as it ends.
let internal entering (place: Place) (display: Launch.IDisplay) = {
    new Launch.IDisplay with
        member _.Say text = display.Say text
        member _.Began job = display.Began job
        member _.Tick snapshot = display.Tick snapshot

        member _.Ended(outcome, snapshot) =
            enter (fun () ->
                let folder = RunFolder.Open outcome.Job.Run.Folder
                if outcome.Job.Work = Measure then Ledger.enterMeasured place.Runs folder else Ledger.enterRuns place.Runs [ folder ])

            display.Ended(outcome, snapshot)
}

// ── table ───────────────────────────────────────────────────────────────────────────────────

/// Writes and prints a sweep's table; with `reporting`, also writes the report and prints its path. False if no run of the folder has started.
let internal tabulate (place: Place) (asJson: bool) (reporting: bool) (folder: string) =
    let table, skipped = Report.ofSweep folder place.Reports

    for skip in skipped do
        eprintfn $"{relative skip.Path}: {skip.Why}; it is skipped."

    match table with
    | Some table when asJson -> Console.Write(Json.table table)
    | Some table ->
        enter (fun () -> Ledger.enterTable place.Runs table.Sweep (Path.Combine(place.Reports, table.Sweep, "table.csv")))
        Ledger.anchor place.Root place.Runs |> ignore
        Console.WriteLine()
        Console.WriteLine(Markdown.table table)
        Console.WriteLine(relative (Path.Combine(place.Reports, table.Sweep, "table.md")))
    | None -> ()

    match table with
    | Some table when reporting ->
        let path = Report.page (Report.plotly place.Root) folder place.Reports (table, skipped)
        if not asJson then Console.WriteLine(relative path)
    | _ -> ()

    table.IsSome

let internal printTables (place: Place) =
    let json = place.Given.Options.Contains <@ CommandLine.Option.Json @>

    match sweepFolders place |> List.map (tabulate place json (place.Given.Verb = "report")) with
    | [] -> usage place.Given.Verb $"{relative place.Runs} has no sweep yet."
    | some when List.contains true some -> 0
    | _ -> usage place.Given.Verb "no run of the sweep has started."
