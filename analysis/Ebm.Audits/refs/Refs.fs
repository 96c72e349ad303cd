/// The refs under refs/ebm that a repository keeps for audits: the sources of launches, and the heads of ledgers. Git does not drop them,
/// so that a run can be repeated years later; `refs --prune` drops sources that no run needs.
module Ebm.Audits.Refs

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Audits.Workspace

/// The sources of a launch, as a commit outside all branches.
type Snapshot = {
    Ref: string
    Commit: string
    Made: DateTime
    /// The number of runs and launches in the given folders that need it.
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

/// The refs that runs and launches in a folder name. Fails if one cannot be read, because it may name any ref.
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

/// Every snapshot of a repository, and the number of runs and launches in some folders that need it.
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
