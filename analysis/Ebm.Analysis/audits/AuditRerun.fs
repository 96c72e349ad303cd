/// Doing a run again, elsewhere: its first steps with the runner that is built here, or all of it with the sources as they were, checked out
/// and built in a folder of their own. The repository and the run are only read: they may be dirty, on another branch, or read-only.
module Ebm.Analysis.AuditRerun

open System
open System.IO
open Ebm.Records
open Ebm.Analysis.AuditCompare
open Ebm.Analysis.AuditDesk

/// How a run is done again. What differs from how it was done is asked for, and then named as a drift.
type Conditions = {
    /// Has the configs and sources of today, and the snapshots of former ones.
    Repository: string
    Data: string
    /// Instead of the run's own.
    Threads: int option
    /// Variables that stand above the run's own.
    Variables: (string * string) list
    /// A lab's assemblies, where they lie now; else where they lay.
    With: string list
    /// Composes a run's words with the configs of a repository, given a lab's assemblies.
    Compose: Desk -> string -> string list -> RunManifest -> AuditConfig.Composing
    /// What builds the sources in whose root it is started, from locked packages.
    Build: string * string list
}

/// As a run was, with what a repository has.
let conditions (repository: string) (data: string) : Conditions = {
    Repository = repository
    Data = data
    Threads = None
    Variables = []
    With = []
    Compose = AuditConfig.compose
    Build = "dotnet", [ "fsi"; "build.fsx"; "build"; "--for"; "experiments" ]
}

let private lastLines count (text: string) =
    let lines = text.Trim().Split '\n'
    String.Join("\n", lines |> Array.skip (max 0 (lines.Length - count)))

/// The variables that the run was made with, and over them those of the conditions.
let private variables (conditions: Conditions) (manifest: RunManifest) =
    let threads =
        match conditions.Threads with
        | Some count -> [ for name in [ "OMP"; "MKL" ] -> $"{name}_NUM_THREADS", string count ]
        | None -> []

    match manifest.Environment with
    | null -> threads @ conditions.Variables
    | environment -> [ for KeyValue(name, value) in environment -> name, value ] @ threads @ conditions.Variables

/// The assemblies of a lab that the run was told of, where they are now.
let private labs (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) : string list =
    let file (path: string) = string (Path.GetFileName path)
    let told =
        manifest.Argv
        |> List.ofSeq
        |> List.pairwise
        |> List.choose (fun (option, path) -> if option = "--with" then Some path else None)

    for path in conditions.With do
        if told |> List.forall (fun one -> file one <> file path) then
            raise (InvalidDataException $"{run.Id}: it ran without a lab's assembly {file path}.")

    [
        for path in told do
            let path = conditions.With |> List.tryFind (fun given -> file given = file path) |> Option.defaultValue path

            if not (File.Exists path) then
                raise (
                    InvalidDataException
                        $"{run.Id}: it ran with a lab's assembly {file path}, which is no longer at {path}; --with FILE says where it is."
                )

            path
    ]

/// The run's config in a folder of its own, with nothing else.
let private copied (conditions: Conditions) (run: RunFolder) (below: string) =
    let folder = Path.Combine(below, "runs", run.Sweep, run.Id)
    Directory.CreateDirectory folder |> ignore

    let config =
        match conditions.Threads with
        | Some count -> run.Config.With("threads", Document.Of(int64 count))
        | None -> run.Config

    // Threads are no part of a run's identity: config.json stays.
    File.WriteAllText(Path.Combine(folder, "config.yaml"), config.ToYaml())
    File.WriteAllText(Path.Combine(folder, "config.json"), run.ConfigJson)

    RunFolder.Open folder

/// The values that other completed seeds of the run's group have.
let private otherSeeds (run: RunFolder) (manifest: RunManifest) =
    let runs, _ = Runs.under (string (Path.GetDirectoryName run.Path))
    let group =
        runs
        |> List.filter (fun other -> other.Group = manifest.GroupId && other.State = RunState.Completed && other.Id <> run.Id)
    fun name -> group |> List.choose (fun other -> other.Metrics.TryFind name |> Option.map _.Value)

let private execute (desk: Desk) runner (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) labs (further: string list) =
    let again = copied conditions run desk.Folder
    let arguments =
        [ "exec"; again.Path; "--data"; conditions.Data ] @ List.collect (fun lab -> [ "--with"; lab ]) labs @ further
    let ended = desk.Run(desk.Folder, variables conditions manifest, runner, arguments)

    if isNull again.Manifest then
        raise (InvalidDataException $"{run.Id}: the runner could not begin it: {lastLines 3 (ended.Output + ended.Errors)}")

    again

/// What is different around a run and neither of its two manifests shows: the config that its words would make, and data files that are gone.
/// Beside it what could not be told.
let private further conditions (run: RunFolder) (manifest: RunManifest) (composed: AuditConfig.Composing) =
    let drift kind says = { Kind = kind; Says = says }

    let config, notes =
        match composed with
        | _ when manifest.Overrides.Count = 0 && isNull manifest.Choices ->
            [], [ "its manifest has no overrides, so its config was not composed again." ]
        | AuditConfig.Made composed -> AuditConfig.differing run manifest composed |> List.map (drift "config"), []
        | AuditConfig.Refused says -> [ drift "config" $"its words make no config any more: {says}" ], []
        | AuditConfig.Untold why -> [], [ $"its config was not composed again: {why}." ]

    let data = [
        for set in manifest.Data do
            match set.Files with
            | null -> ()
            | files ->
                for file in files do
                    if not (File.Exists(Path.Combine(conditions.Data, file.Path))) then
                        drift "data" $"the data file {file.Path} is not there"
    ]

    config @ data, notes

/// A lab's assembly of other bytes whose code is the same: said, and no cause of anything.
let private rebuilt (manifest: RunManifest) (again: RunFolder) (labs: string list) =
    let entry (map: Collections.Generic.IReadOnlyDictionary<string, string> | null) name =
        match map with
        | null -> None
        | map ->
            match map.TryGetValue name with
            | true, value -> Some value
            | _ -> None

    [
        for path in labs do
            let name = string (Path.GetFileNameWithoutExtension path)

            match manifest.Build, again.Manifest with
            | null, _
            | _, null -> ()
            | build, is ->
                let code = entry build.Code name
                let codeNow = is.Build |> Option.ofObj |> Option.bind (fun now -> entry now.Code name)

                match entry build.Assemblies name with
                | Some was when was <> Canonical.Sha256OfFile path && code.IsSome && code = codeNow -> {
                    Kind = "code"
                    Says = $"the lab's assembly {name} has other bytes, {was.Substring(0, 12)} before, and the same code"
                  }
                | _ -> ()
    ]

let private manifestOf (run: RunFolder) =
    match run.Manifest with
    | null -> raise (InvalidDataException $"{run}: it has no manifest: what it is cannot be told, and it is refused.")
    | manifest -> manifest

/// The commit that has a run's sources.
let private sourcesOf (manifest: RunManifest) : string option =
    match manifest.Git with
    | null -> None
    | git ->
        match git.Snapshot with
        | null -> if git.Dirty then None else Some git.Commit
        | snapshot -> Some snapshot.Commit

/// Runs the first steps again with a runner, up to the first traced step from `steps` on, and compares what was traced.
let smoke (runner: string) (conditions: Conditions) (steps: int64) (run: RunFolder) : int64 * Comparison =
    let manifest = manifestOf run
    let traced = run.Traces() |> Seq.map _.Step |> Seq.distinct |> List.ofSeq

    if traced.IsEmpty then
        raise (InvalidDataException $"{run}: its trace.jsonl holds nothing, so there are no steps to compare.")

    let until = traced |> List.tryFind (fun step -> step >= steps) |> Option.defaultValue (List.last traced)
    let labs = labs conditions run manifest
    let beside = string (Path.GetDirectoryName runner)

    let sources =
        match sourcesOf manifest with
        | None -> fun _ -> []
        | Some commit ->
            let changed = AuditSources.changed conditions.Repository commit
            fun name -> changed (Path.Combine(beside, name + ".dll"))

    atDesk (fun desk ->
        // First, because a script may build what has changed since.
        let composed = conditions.Compose desk conditions.Repository labs manifest
        let again = execute desk runner conditions run manifest labs [ "--until"; string until ]
        let drifts, notes = further conditions run manifest composed
        let around = { nothing with Sources = sources; Further = drifts @ rebuilt manifest again labs; Notes = notes }
        until, compare (Some until) run again around)

/// Where a run was stopped from outside, how far it came says nothing: it is compared up to there.
let private stopped = set [ RunState.Pruned; RunState.Interrupted; RunState.Preempted; RunState.Timeout; RunState.Lost ]

/// Checks the run's sources out, builds them from the locked packages, runs it whole, and compares everything. `say` is told what is done.
let rerun (conditions: Conditions) (say: string -> unit) (run: RunFolder) : Comparison =
    let manifest = manifestOf run

    let snapshot =
        match manifest.Git with
        | null -> None
        | git -> git.Snapshot |> Option.ofObj

    let until = if stopped.Contains manifest.State then Some manifest.Step else None

    match snapshot with
    | None ->
        raise (
            InvalidDataException
                $"{run}: its manifest names no snapshot of its sources, so they cannot be built again; `audit smoke` compares it with today's."
        )
    | Some _ when until = Some 0L ->
        raise (InvalidDataException $"{run}: it was {manifest.State} before its first step: there is nothing to compare.")
    | Some snapshot ->
        let labs = labs conditions run manifest

        atDesk (fun desk ->
            let clone = Path.Combine(desk.Folder, "sources")

            let git where arguments =
                match Git.ask where arguments with
                | Ok said -> said
                | Error says ->
                    desk.Check()

                    raise (
                        InvalidDataException
                            $"{run.Id}: its sources, {snapshot.Commit}, cannot be checked out: {says}; where {snapshot.Ref} is not here, \
                              git fetch origin 'refs/ebm/*:refs/ebm/*' brings it."
                    )

            let top = git conditions.Repository [ "rev-parse"; "--show-toplevel" ]
            let inside = git conditions.Repository [ "rev-parse"; "--show-prefix" ]
            say $"checking out {snapshot.Commit.Substring(0, 12)}"
            // Objects are read where they are; nothing is written there, and no hook of the user's runs.
            let quietly = [ "-c"; "core.hooksPath=/dev/null"; "-c"; "advice.detachedHead=false" ]
            git desk.Folder (quietly @ [ "clone"; "--quiet"; "--shared"; "--no-checkout"; top; clone ]) |> ignore
            git clone (quietly @ [ "checkout"; "--quiet"; "--detach"; snapshot.Commit ]) |> ignore
            let sources = Path.Combine(clone, inside)
            say "building it from the locked packages"
            let program, arguments = conditions.Build
            let built = desk.Run(sources, [], program, arguments)

            if built.Code <> 0 then
                {
                    Verdict = Failed
                    Parting = None
                    Drifts = []
                    Metrics = []
                    Reason = Some $"its sources do not build here: {lastLines 3 (built.Output + built.Errors)}"
                    Notes = []
                    Made = None
                }
            else
                say "running it again"
                let composed =
                    match conditions.Compose desk sources labs manifest with
                    // These configs made the run: what refuses is a script of before it could be asked.
                    | AuditConfig.Refused says -> AuditConfig.Untold says
                    | composed -> composed

                let beside = Path.Combine(sources, "artifacts", "bin", "Ebm.Runner", "release")
                let limit = until |> Option.map (fun step -> [ "--until"; string step ]) |> Option.defaultValue []
                let again = execute desk (Path.Combine(beside, "ebm-runner")) conditions run manifest labs limit
                let drifts, notes = further conditions run manifest composed

                compare until run again {
                    Group = otherSeeds run manifest
                    Sources = (fun _ -> [])
                    Further = drifts @ rebuilt manifest again labs
                    Notes = notes
                })
