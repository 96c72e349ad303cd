/// Repeats a run, or its first steps, in a separate folder. The repository and the run are only read: they may be dirty, on another branch,
/// or read-only.
module Ebm.Audits.Repetition

open System
open System.IO
open Ebm.Records
open Ebm.Audits.Comparison
open Ebm.Audits.Scratch

/// The conditions of a repetition. Those that differ from the run's own are reported as drifts.
type Conditions = {
    /// The repository with today's configs and sources, and the snapshots of earlier ones.
    Repository: string
    Data: string
    /// The number of threads; None for the run's own.
    Threads: int option
    /// Environment variables that replace the run's own.
    Variables: (string * string) list
    /// Current paths of a lab's assemblies; others are at their former paths.
    With: string list
    /// Composes a run's overrides with the configs of a repository, given a lab's assemblies.
    Compose: Scratch -> string -> string list -> RunManifest -> Composition.Composing
    /// The program that builds sources from locked packages, started in their root.
    Build: string * string list
}

/// The run's own conditions, with a repository and a data folder.
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

/// Whether a manifest may set a variable of a repetition. It may come from another machine, so it sets only what a run records as affecting
/// its numbers, and no path, from which a program could load code.
let private mayBeSet (name: string) (value: string) =
    ([ "OMP_"; "MKL_"; "KMP_"; "DOTNET_" ] |> List.exists name.StartsWith
     || List.contains name [
         "ATEN_CPU_CAPABILITY"
         "CUBLAS_WORKSPACE_CONFIG"
         "NVIDIA_TF32_OVERRIDE"
         "CUDA_VISIBLE_DEVICES"
         "LANG"
         "LC_ALL"
     ])
    && name <> "DOTNET_STARTUP_HOOKS"
    && not (value.Contains '/')

/// The run's environment variables, replaced by those of the conditions.
let private variables (conditions: Conditions) (manifest: RunManifest) =
    let threads =
        match conditions.Threads with
        | Some count -> [ for name in [ "OMP"; "MKL" ] -> $"{name}_NUM_THREADS", string count ]
        | None -> []

    match manifest.Environment with
    | null -> threads @ conditions.Variables
    | environment ->
        [
            for KeyValue(name, value) in environment do
                if mayBeSet name value then name, value
        ]
        @ threads
        @ conditions.Variables

/// The current paths of the lab's assemblies that the run used.
let labs (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) : string list =
    let file (path: string) = string (Path.GetFileName path)
    let told =
        manifest.Argv |> List.ofSeq |> List.pairwise |> List.choose (fun (option, path) -> if option = "--with" then Some path else None)

    for path in conditions.With do
        if told |> List.forall (fun one -> file one <> file path) then
            raise (InvalidDataException $"{run.Id}: it did not use the assembly {file path} that --with names.")

    [
        for path in told do
            let path = conditions.With |> List.tryFind (fun given -> file given = file path) |> Option.defaultValue path

            if not (File.Exists path) then
                raise (
                    InvalidDataException
                        $"{run.Id}: it ran with a lab's assembly {file path}, which is no longer at {path}; name its new path with --with FILE."
                )

            path
    ]

/// Makes a run folder with only the run's config.
let private copied (conditions: Conditions) (run: RunFolder) (below: string) =
    let folder = Path.Combine(below, "runs", run.Sweep, run.Id)
    Directory.CreateDirectory folder |> ignore

    let config =
        match conditions.Threads with
        | Some count -> run.Config.With("threads", Document.Of(int64 count))
        | None -> run.Config

    // Threads are not part of a run's identity, so config.json stays the same.
    File.WriteAllText(Path.Combine(folder, "config.yaml"), config.ToYaml())
    File.WriteAllText(Path.Combine(folder, "config.json"), run.ConfigJson)

    RunFolder.Open folder

/// The data root of a repetition. It runs in another folder, so if the data are in the current folder, that is the root.
let private dataRoot (conditions: Conditions) (manifest: RunManifest) =
    let isHere (file: DataFile) =
        match RelativePath.Try file.Path with
        | null -> false
        | path -> DataPlace.Of(conditions.Data, path) = path.In Environment.CurrentDirectory

    let files = [
        for set in manifest.Data do
            match set.Files with
            | null -> ()
            | files -> yield! files
    ]

    if not files.IsEmpty && List.forall isHere files then Environment.CurrentDirectory else conditions.Data

let execute (scratch: Scratch) runner (conditions: Conditions) (run: RunFolder) (manifest: RunManifest) labs (further: string list) =
    let again = copied conditions run scratch.Folder
    let arguments =
        [ "exec"; again.Path; "--data"; dataRoot conditions manifest ] @ List.collect (fun lab -> [ "--with"; lab ]) labs @ further
    let ended = scratch.Run(scratch.Folder, variables conditions manifest, runner, arguments)

    if isNull again.Manifest then
        raise (InvalidDataException $"{run.Id}: the runner could not start it: {lastLines 3 (ended.Output + ended.Errors)}")

    again

/// Drifts that the two manifests do not show: the config that the run's overrides give today, and missing data files. Also notes on what
/// could not be determined.
let further conditions (run: RunFolder) (manifest: RunManifest) (composed: Composition.Composing) =
    let drift kind says = { Kind = kind; Says = says }

    let config, notes =
        match composed with
        | _ when manifest.Overrides.Count = 0 && isNull manifest.Choices ->
            [], [ "its manifest has no overrides, so its config was not composed again." ]
        | Composition.Made composed -> Composition.differing run manifest composed |> List.map (drift "config"), []
        | Composition.Refused says -> [ drift "config" $"today's configs do not accept its overrides: {says}" ], []
        | Composition.Untold why -> [], [ $"its config was not composed again: {why}." ]

    let data = [
        for set in manifest.Data do
            match set.Files with
            | null -> ()
            | files ->
                for file in files do
                    match RelativePath.Try file.Path with
                    | null -> drift "data" $"the data file {JsonText.LineOf file.Path} is not below the data root"
                    | path -> if not (Path.Exists(DataPlace.Of(conditions.Data, path))) then drift "data" $"the data file {path} is missing"
    ]

    config @ data, notes

/// A drift for a lab's assembly with other bytes and the same code; it explains no difference.
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
                    Says = $"the lab's assembly {name} has other bytes than before ({was.Substring(0, 12)}), but the same code"
                  }
                | _ -> ()
    ]

let manifestOf (run: RunFolder) =
    match run.Manifest with
    | null -> raise (InvalidDataException $"{run}: it has no manifest, so it cannot be repeated.")
    | manifest -> manifest
