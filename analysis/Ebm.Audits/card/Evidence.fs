/// What a report card rests on: the records of one sweep, its runs' manifests, what was planned, the ledger, audits that were kept, and a
/// fresh look at every hash. Read here, graded by Rules; nothing of it knows the time or where the folders lie.
module Ebm.Audits.Evidence

open System
open System.IO
open System.Text.Json
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Workspace

/// A run with what its manifest says.
type Made = { Run: Runs.Run; Manifest: RunManifest }

type Evidence = {
    Table: Table.Table
    Runs: Made list
    Skipped: Runs.Skipped list
    Plans: Plans.Plan list
    /// The sweep whose winners this one runs again on other seeds, and its runs.
    Chosen: (string * Runs.Run list) option
    /// The sweep that runs this one's winners again, and its runs.
    Confirmed: (string * Runs.Run list) option
    /// Journals of searches, and how many settings each tried.
    Searches: (string * int) list
    /// What recomputing every hash of the sweep found.
    Altered: Verify.Alteration list
    Ledger: Ledger.Ledger option
    /// Runs of this sweep that were done again, with the ledger's entries.
    Audits: (Ledger.Entry * KeptAudits.Kept) list
    /// Data files that are not here, and were not compared.
    AbsentData: string list
    /// Commits that runs name, of which this repository has no object.
    AbsentCommits: Set<string>
    /// Commits that this repository has, without a lock of packages in their sources.
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

/// A search's journal has a line for each trial that was asked.
let private trials (journal: string) =
    File.ReadLines journal
    |> Seq.filter (fun line ->
        try
            use json = JsonDocument.Parse line
            json.RootElement.TryGetProperty "settings" |> fst
        with :? JsonException ->
            false)
    |> Seq.length

/// The commit from which a run's sources are had again: that of its snapshot, else its own.
let sources (manifest: RunManifest) : string option =
    match manifest.Git with
    | null -> None
    | git ->
        match git.Snapshot with
        | null -> Some git.Commit
        | snapshot -> Some snapshot.Commit

/// Of one sweep's folder; None where no run there has begun.
let read (workspace: Workspace) (sweep: string) : Evidence option =
    let folder = Path.Combine(workspace.Runs, sweep)

    match Report.tableOf folder with
    | None, _ -> None
    | Some table, skipped ->
        let made = [
            for row in table.Rows do
                for run in row.Runs do
                    match (RunFolder.Open run.Path).Manifest with
                    | null -> ()
                    | manifest -> { Run = run; Manifest = manifest }
        ]

        let known = made |> List.map (fun made -> $"{made.Run.Sweep}/{made.Run.Id}") |> Set.ofList
        let found = Verify.verify workspace.Root (Some workspace.Data) workspace.Runs [ sweep ]
        let commits = made |> List.choose (fun made -> sources made.Manifest) |> List.distinct
        let has (name: string) = Git.ask workspace.Root [ "cat-file"; "-e"; name ] |> Result.isOk
        let here, absent = commits |> List.partition (fun commit -> has (commit + "^{commit}"))

        Some {
            Table = table
            Runs = made
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
                                if not (File.Exists(Path.Combine(workspace.Data, file.Path))) then file.Path
                ])
                |> List.distinct
                |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
            AbsentCommits = Set.ofList absent
            // A lock lies at the root of the sources.
            Unlocked = here |> List.filter (fun commit -> not (has (commit + ":paket.lock"))) |> Set.ofList
        }
