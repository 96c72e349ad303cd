/// The runs of a sweep's folder as they are now. A folder is read again only if one of its records has changed, so that a second look at a
/// thousand runs costs little.
module Ebm.Watch.Glance

open System
open System.Collections.Generic
open System.IO
open Ebm.Analysis
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Sweeps.Mishap

/// A run, or a folder that looks like one.
type Seen = {
    Id: string
    /// "queued" or "not started" for a planned run without a record, "unreadable" for a folder that is not a valid run, else the run's state.
    Word: string
    State: RunState
    Manifest: RunManifest option
    Folder: RunFolder option
    Reason: string option
    /// The reason why the run is in no table, if it was retired.
    Retired: string option
    /// The source of an imported run, which was not executed here.
    Imported: string option
    /// Of a run that is running.
    Pace: Pace.Pace option
    /// Changes whenever a record of the run does.
    Mark: string
}

type Look = {
    IsThere: bool
    Runs: Seen list
    /// The parts of the sweep that a process executes, in words.
    AtWork: string list
    Left: Eta.Remaining option
    /// What cannot be read, as sentences.
    Troubles: string list
    /// When a record last changed, UTC.
    Changed: DateTime
}

/// The status of a file that changes with its content; empty for a missing one.
let private markOf (path: string) =
    let file = FileInfo path
    if file.Exists then $"{file.LastWriteTimeUtc.Ticks}/{file.Length}" else ""

type Glance(folder: string) =
    let known = Dictionary<string, string * RunTree.Found>(StringComparer.Ordinal)
    let mutable planned = "", Ok []
    let mutable retired = "", Ok Map.empty
    let mutable usual = "", Map.empty

    /// What a file says, read again if it has changed.
    let current (file: string) (before: string * Result<'a, string>) (read: string -> 'a) =
        let mark = markOf (Path.Combine(folder, file))

        if fst before = mark then
            before
        else
            mark,
            (try
                Ok(read folder)
             with Mishap says ->
                 Error says)

    /// The folder of a run; None if it has another content.
    let found (path: string) =
        let mark = String.Join(' ', [ for name in [ "manifest.json"; "config.json"; "metrics.json" ] -> markOf (Path.Combine(path, name)) ])

        match known.TryGetValue path with
        | true, (before, found) when before = mark -> Some(mark, found)
        | _ ->
            match RunTree.Look path |> Seq.tryFind (fun found -> found.Path = path && found.LooksLikeRun) with
            | Some found ->
                known[path] <- (mark, found)
                Some(mark, found)
            | None -> None

    let started (manifest: RunManifest) = manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Started)

    /// Looks at the folder. Not for two threads at a time.
    member _.Look() : Look =
        let now = DateTime.UtcNow

        if not (Directory.Exists folder) then
            known.Clear()
            { IsThere = false; Runs = []; AtWork = []; Left = None; Troubles = []; Changed = DateTime.MinValue }
        else
            let parts = Hold.atWork folder
            planned <- current Plans.FileName planned Plans.read
            retired <- current Retired.FileName retired Retired.read
            let outOfTables = snd retired |> Result.defaultValue Map.empty
            let planned = snd planned
            let plans = planned |> Result.defaultValue []

            let awaited =
                if parts.IsEmpty then
                    Set.empty
                else
                    plans |> List.tryLast |> Option.map (_.Runs >> Set.ofList) |> Option.defaultValue Set.empty

            let folders = Directory.GetDirectories folder |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

            let found = [
                for path in folders do
                    let name = string (Path.GetFileName path)

                    if not (SweepFolder.IsOwn name) && not (name.StartsWith '.') then
                        match found path with
                        | Some(mark, found) -> name, mark, found
                        | None -> ()
            ]

            for gone in known.Keys |> Seq.filter (Directory.Exists >> not) |> List.ofSeq do
                known.Remove gone |> ignore

            let finished =
                String.concat " " [
                    for _, mark, found in found do
                        match found.Manifest with
                        | NonNull manifest when manifest.State = RunState.Completed -> mark
                        | _ -> ()
                ]

            if fst usual <> finished then
                usual <-
                    finished,
                    Pace.usual [
                        for name, _, found in found do
                            match found.Manifest with
                            | NonNull manifest when manifest.State = RunState.Completed ->
                                match manifest.Timing with
                                | NonNull timing -> name, timing
                                | _ -> ()
                            | _ -> ()
                    ]

            let waits (id: string) = if awaited.Contains id then "queued" else "not started"

            let seen (name, mark, found: RunTree.Found) =
                let blank = {
                    Id = name
                    Word = waits name
                    State = RunState.Planned
                    Manifest = None
                    Folder = None
                    Reason = None
                    Retired = outOfTables.TryFind name
                    Imported = None
                    Pace = None
                    Mark = mark
                }

                match found.Run, found.Manifest with
                | NonNull run, NonNull manifest ->
                    let isRunning = manifest.State = RunState.Running
                    let isLost = isRunning && not (Claim.IsHeld run.Path)
                    let state = if isLost then RunState.Lost else manifest.State
                    let pace = if isRunning && not isLost then Some(Pace.at now (snd usual) run manifest) else None

                    {
                        blank with
                            // A run waits for a worker only as long as there is one.
                            Word = (if state = RunState.Pending && not parts.IsEmpty then "queued" else Kebab.Of state)
                            State = state
                            Manifest = Some manifest
                            Folder = Some run
                            Reason =
                                (if isLost then
                                     Some $"its process ended without a result, at or after step {manifest.Step}"
                                 else
                                     Option.ofObj manifest.Reason)
                            Imported = manifest.Imported |> Option.ofObj |> Option.map _.From
                            Pace = pace
                            Mark = $"{mark} {isLost}"
                    }
                | NonNull run, _ -> { blank with Folder = Some run }
                // A run's folder is there before its first record.
                | _ when awaited.Contains name -> blank
                | _ -> { blank with Word = "unreadable"; State = RunState.Failed; Reason = Option.ofObj found.Why }

            let there = List.map seen found
            let ids = there |> List.map _.Id |> Set.ofList

            let absent =
                plans
                |> List.collect _.Runs
                |> List.distinct
                |> List.filter (ids.Contains >> not)
                |> List.map (fun id -> {
                    Id = id
                    Word = waits id
                    State = RunState.Planned
                    Manifest = None
                    Folder = None
                    Reason = None
                    Retired = None
                    Imported = None
                    Pace = None
                    Mark = ""
                })

            let all = there @ absent

            let left =
                if parts.IsEmpty then
                    None
                else
                    let active = [
                        for run in all do
                            match run.Manifest, run.Pace with
                            | Some manifest, Some pace -> run.Id, started manifest, pace
                            | _ -> ()
                    ]

                    let waiting = [
                        for run in all do
                            if run.Word = "queued" then run.Id
                    ]
                    let begun = [
                        for run in all do
                            if run.State = RunState.Running || run.State = RunState.Completed then run.Id
                    ]
                    Pace.sweep (snd usual) active (Pace.sharing (Plans.trainingsOf plans) begun waiting) now

            {
                IsThere = true
                Runs = all
                AtWork = [ for part in parts -> $"{Hold.spoken part} is running{Hold.who folder part}" ]
                Left = left
                Troubles = [
                    match planned with
                    | Error says -> says
                    | Ok _ -> ()
                    match snd retired with
                    | Error says -> says
                    | Ok _ -> ()
                ]
                Changed =
                    [
                        Directory.GetLastWriteTimeUtc folder
                        for run in there do
                            if run.Pace.IsSome then now
                        for _, _, found in found do
                            match found.Manifest with
                            | NonNull manifest ->
                                match manifest.Timing with
                                | NonNull timing when timing.Ended.HasValue -> timing.Ended.Value
                                | _ -> ()
                            | _ -> ()
                    ]
                    |> List.max
            }
