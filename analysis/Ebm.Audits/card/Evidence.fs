/// The evidence of a report card: the records of one sweep, its runs' manifests, its plans, the ledger, kept audits, and new hashes of all
/// files. This file reads it; Rules grade it. Nothing here depends on the time or on the location of the folders.
module Ebm.Audits.Evidence

open System
open System.IO
open System.Text.Json
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Workspace

/// A run and its manifest.
type Made = { Run: Runs.Run; Manifest: RunManifest }

type Evidence = {
    Table: Table.Table
    /// The runs that were executed here.
    Runs: Made list
    /// Results of other sources.
    Imported: Made list
    Skipped: Runs.Skipped list
    Plans: Plans.Plan list
    /// The sweep whose winners this one repeats on other seeds, and its runs.
    Chosen: (string * Runs.Run list) option
    /// The sweep that repeats this one's winners, and its runs.
    Confirmed: (string * Runs.Run list) option
    /// Journals of searches, and how many settings each tried.
    Searches: (string * int) list
    /// The alterations that a check of every hash found.
    Altered: Alteration list
    Ledger: Ledger.Ledger option
    /// The audits that repeated a run of this sweep, with their ledger entries.
    Audits: (Ledger.Entry * KeptAudits.Kept) list
    /// Data files that are not on this machine, so their bytes were not compared.
    AbsentData: string list
    /// Commits that runs name and this repository does not have.
    AbsentCommits: Set<string>
    /// Commits of this repository whose sources have no lock file of packages.
    Unlocked: Set<string>
}

let private confirmed = "-confirm"

let private sweepAt (runs: string) (name: string) =
    let folder = Path.Combine(runs, name)
    if not (Directory.Exists folder) then
        None
    else
        match fst (Runs.under folder) with
        | [] -> None
        | found -> Some(name, found)

/// The number of trials of a search: its journal has a line for each.
let private trials (journal: string) =
    RegularFile.Lines journal
    |> Seq.filter (fun line ->
        try
            use json = JsonText.Parse line
            json.RootElement.TryGetProperty "settings" |> fst
        with :? JsonException ->
            false)
    |> Seq.length

/// The commit with a run's sources: that of its snapshot, else its own.
let sources (manifest: RunManifest) : string option =
    match manifest.Git with
    | null -> None
    | git ->
        match git.Snapshot with
        | null -> Some git.Commit
        | snapshot -> Some snapshot.Commit

/// Reads the evidence of one sweep; None if no run has begun.
let read (workspace: Workspace) (sweep: string) : Evidence option =
    let folder = Path.Combine(workspace.Runs, sweep)

    match ReportFiles.tableOf folder with
    | None, _ -> None
    | Some table, skipped ->
        let all = [
            for row in table.Rows do
                for run in row.Runs do
                    match (RunFolder.Open run.Path).Manifest with
                    | null -> ()
                    | manifest -> { Run = run; Manifest = manifest }
        ]

        let imported, made = all |> List.partition _.Run.Imported.IsSome
        let known = made |> List.map (fun made -> $"{made.Run.Sweep}/{made.Run.Id}") |> Set.ofList
        let found = Verify.verify workspace.Root (Some workspace.Data) None workspace.Runs [ sweep ]
        let commits = made |> List.choose (fun made -> sources made.Manifest) |> List.distinct
        let has (name: string) = Git.ask workspace.Root [ "cat-file"; "-e"; name ] |> Result.isOk
        let here, absent = commits |> List.partition (fun commit -> Git.isHash commit && has (commit + "^{commit}"))

        Some {
            Table = table
            Runs = made
            Imported = imported
            Skipped = skipped |> List.filter _.IsRun
            Plans = Plans.read folder
            Chosen =
                if sweep.EndsWith(confirmed, StringComparison.Ordinal) then
                    sweepAt workspace.Runs (sweep.Substring(0, sweep.Length - confirmed.Length))
                else
                    None
            Confirmed = sweepAt workspace.Runs (sweep + confirmed)
            Searches =
                Directory.GetFiles(folder, "search-*.jsonl")
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
                |> List.ofArray
                |> List.map (fun journal -> string (Path.GetFileName journal), trials journal)
            Altered = found.Alterations
            Ledger = found.Ledger
            Audits =
                match found.Ledger with
                | Some ledger -> KeptAudits.all workspace.Runs ledger.Entries |> List.filter (fun (_, kept) -> known.Contains kept.Run)
                | None -> []
            AbsentData =
                made
                |> List.collect (fun made -> [
                    for set in made.Manifest.Data do
                        match set.Files with
                        | null -> ()
                        | files ->
                            for file in files do
                                let isThere =
                                    match RelativePath.Try file.Path with
                                    | null -> false
                                    | path -> Path.Exists(DataPlace.Of(workspace.Data, path))

                                if not isThere then file.Path
                ])
                |> List.distinct
                |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
            AbsentCommits = Set.ofList absent
            // The lock file is at the root of the sources.
            Unlocked = here |> List.filter (fun commit -> not (has (commit + ":paket.lock"))) |> Set.ofList
        }
