/// Doing a run again, elsewhere: what its first steps and all of it have in common. The repository and the run are only read: they may be
/// dirty, on another branch, or read-only.
module Ebm.Audits.Repetition

open System
open System.IO
open Ebm.Records
open Ebm.Audits.Comparison
open Ebm.Audits.Scratch

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
    Compose: Scratch -> string -> string list -> RunManifest -> Composition.Composing
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
    Compose = Composition.compose
    Build = "dotnet", [ "fsi"; "build.fsx"; "build"; "--for"; "experiments" ]
}

let lastLines count (text: string) =
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
let labs (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) : string list =
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

let execute (scratch: Scratch) runner (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) labs (further: string list) =
    let again = copied conditions run scratch.Folder
    let arguments =
        [ "exec"; again.Path; "--data"; conditions.Data ] @ List.collect (fun lab -> [ "--with"; lab ]) labs @ further
    let ended = scratch.Run(scratch.Folder, variables conditions manifest, runner, arguments)

    if isNull again.Manifest then
        raise (InvalidDataException $"{run.Id}: the runner could not begin it: {lastLines 3 (ended.Output + ended.Errors)}")

    again

/// What is different around a run and neither of its two manifests shows: the config that its words would make, and data files that are gone.
/// Beside it what could not be told.
let further conditions (run: RunFolder) (manifest: RunManifest) (composed: Composition.Composing) =
    let drift kind says = { Kind = kind; Says = says }

    let config, notes =
        match composed with
        | _ when manifest.Overrides.Count = 0 && isNull manifest.Choices ->
            [], [ "its manifest has no overrides, so its config was not composed again." ]
        | Composition.Made composed -> Composition.differing run manifest composed |> List.map (drift "config"), []
        | Composition.Refused says -> [ drift "config" $"its words make no config any more: {says}" ], []
        | Composition.Untold why -> [], [ $"its config was not composed again: {why}." ]

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
let rebuilt (manifest: RunManifest) (again: RunFolder) (labs: string list) =
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

let manifestOf (run: RunFolder) =
    match run.Manifest with
    | null -> raise (InvalidDataException $"{run}: it has no manifest: what it is cannot be told, and it is refused.")
    | manifest -> manifest
