/// `refs`: what a repository keeps for audits, under refs/ebm: the sources that runs were made from, and the heads of ledgers. Git never
/// drops them by itself, so that a run can be done again years later; whoever has thrown runs away can throw their sources away here.
module Ebm.Analysis.AuditRefs

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.AuditPlace

/// The sources of a launch, as a commit that no branch has.
type Snapshot = {
    Ref: string
    Commit: string
    Made: DateTime
    /// Runs and launches, below the folders that were looked at, that were made from it.
    Needed: int
}

type Head = { Ledger: string; Entries: int64; Kept: DateTime; IsHere: bool }

let private refs (repository: string) (below: string) =
    match Git.ask repository [ "for-each-ref"; "--format=%(refname) %(objectname) %(committerdate:unix)"; below ] with
    | Error says -> refuse $"{repository}: {says}"
    | Ok "" -> []
    | Ok text -> [
        for line in text.Split '\n' do
            match line.Split ' ' with
            | [| name; commit; time |] ->
                name, commit, DateTimeOffset.FromUnixTimeSeconds(Int64.Parse(time, CultureInfo.InvariantCulture)).UtcDateTime
            | _ -> ()
      ]

/// The refs that runs and launches below a folder name. One that cannot be read might name any.
let private named (runs: string) : string list =
    let of' (git: GitState | null) =
        match git with
        | null -> []
        | git ->
            match git.Snapshot with
            | null -> []
            | snapshot -> [ snapshot.Ref ]

    [
        for run in RunFolder.Under runs do
            for manifest in [ yield! Option.toList (Option.ofObj run.Manifest); yield! run.Attempts() ] do
                yield! of' manifest.Git

        if Directory.Exists runs then
            for sweep in SweepFolder.Under runs do
                let launches = Path.Combine(sweep, SweepFolder.Launches)

                if Directory.Exists launches then
                    for file in Directory.GetFiles(launches, "*.json") do
                        yield! of' (LaunchRecord.Read file).Git
    ]

/// Every snapshot of a repository, and how many runs and launches below some folders need it.
let snapshots (repository: string) (folders: string list) : Snapshot list =
    let needed = folders |> List.collect named |> List.countBy id |> Map.ofList

    [
        for name, commit, made in refs repository "refs/ebm/runs" do
            { Ref = name; Commit = commit; Made = made; Needed = needed.TryFind name |> Option.defaultValue 0 }
    ]

/// The heads of ledgers that a repository keeps; `runs` is the folder whose ledger is here.
let heads (repository: string) (runs: string) : Head list =
    let here = Ledger.kept repository runs |> List.map fst

    [
        for name, _, kept in refs repository "refs/ebm/ledger" do
            let id = name.Substring("refs/ebm/ledger/".Length)
            let entries = Ledger.anchored repository id |> List.tryHead |> Option.map (fun (last, _) -> last + 1L)
            { Ledger = id; Entries = defaultArg entries 0L; Kept = kept; IsHere = List.contains id here }
    ]

let private day (time: DateTime) = time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)

let private perform (place: Place) (folders: string list) =
    let folders = place.Runs :: List.map Path.GetFullPath folders

    for folder in folders do
        if not (Directory.Exists folder) then
            refuse $"there are no runs at {folder}; --runs and the words name the folders to look below."

    let snapshots = snapshots place.Root folders
    let unneeded = snapshots |> List.filter (fun snapshot -> snapshot.Needed = 0)

    for head in heads place.Root place.Runs do
        let where = if head.IsHere then "of this folder" else "of another folder"
        Console.WriteLine $"ledger {head.Ledger}  {day head.Kept}  {head.Entries} entries, {where}"

    for snapshot in snapshots do
        let whose = if snapshot.Needed = 0 then "no run here" else $"{snapshot.Needed} runs and launches"
        Console.WriteLine $"{snapshot.Ref}  {day snapshot.Made}  {whose}"

    if place.Prune then
        for snapshot in unneeded do
            match Git.ask place.Root [ "update-ref"; "-d"; snapshot.Ref; snapshot.Commit ] with
            | Ok _ -> ()
            | Error says -> refuse $"{snapshot.Ref}: {says}"

        Console.WriteLine $"{unneeded.Length} snapshots were dropped; git collects their files in its own time."
    elif not unneeded.IsEmpty then
        Console.WriteLine
            $"{unneeded.Length} of {snapshots.Length} snapshots are named by no run here. --prune drops them: runs that lie elsewhere could then not be done again, so name their folders too."

    0

let verb = {
    Name = "refs"
    Says = "the sources and heads that git keeps for audits: refs [further folders of runs] [--prune]"
    Perform = perform
}
