/// Doing a run again, elsewhere: its first steps with the runner that is built here, or all of it with the sources as they were, checked out
/// and built in a folder of their own. The repository and the run are only read: they may be dirty, on another branch, or read-only.
module Ebm.Analysis.AuditRerun

open System
open System.Diagnostics
open System.IO
open Ebm.Records
open Ebm.Analysis.AuditCompare

/// How a run is done again. What differs from how it was done is asked for, and then named as a drift.
type Conditions = {
    Data: string
    /// Instead of the run's own.
    Threads: int option
    /// Variables that stand above the run's own.
    Variables: (string * string) list
}

let private started (folder: string) (variables: (string * string) list) (program: string) (arguments: string list) =
    let start =
        ProcessStartInfo(program, arguments, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        start.Environment[name] <- value

    use child = nonNull (Process.Start start)
    let errors = child.StandardError.ReadToEndAsync()
    let said = child.StandardOutput.ReadToEndAsync()
    child.WaitForExit()
    child.ExitCode, (said.Result + errors.Result).Trim()

let private lastLines count (text: string) =
    let lines = text.Split '\n'
    String.Join("\n", lines |> Array.skip (max 0 (lines.Length - count)))

/// The variables that the run was made with, and over them those of the conditions.
let private variables (conditions: Conditions) (manifest: RunManifest) =
    let threads =
        match conditions.Threads with
        | Some count -> [ for name in [ "OMP"; "MKL"; "OPENBLAS" ] -> $"{name}_NUM_THREADS", string count ]
        | None -> []

    match manifest.Environment with
    | null -> threads @ conditions.Variables
    | environment -> [ for KeyValue(name, value) in environment -> name, value ] @ threads @ conditions.Variables

/// The assemblies of a lab that the run was told of.
let private labs (manifest: RunManifest) =
    manifest.Argv
    |> List.ofSeq
    |> List.pairwise
    |> List.collect (fun (option, value) -> if option = "--with" then [ "--with"; value ] else [])

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
    File.Copy(run.In "config.json", Path.Combine(folder, "config.json"))

    RunFolder.Open folder

/// A folder that is gone afterwards.
let private inFolder (act: string -> 'a) =
    let folder = Directory.CreateTempSubdirectory "ebm-audit-"

    try
        act folder.FullName
    finally
        folder.Delete true

/// The values that other completed seeds of the run's group have.
let private otherSeeds (run: RunFolder) (manifest: RunManifest) =
    let runs, _ = Runs.under (string (Path.GetDirectoryName run.Path))
    let group =
        runs
        |> List.filter (fun other -> other.Group = manifest.GroupId && other.State = RunState.Completed && other.Id <> run.Id)
    fun name -> group |> List.choose (fun other -> other.Metrics.TryFind name |> Option.map _.Value)

let private execute
    (runner: string)
    (conditions: Conditions)
    (run: RunFolder)
    (manifest: RunManifest)
    (below: string)
    (further: string list)
    =
    let again = copied conditions run below
    let arguments = [ "exec"; again.Path; "--data"; conditions.Data ] @ labs manifest @ further
    let _, said = started below (variables conditions manifest) runner arguments

    if isNull again.Manifest then
        raise (InvalidDataException $"{run.Id}: the runner could not begin it: {lastLines 3 said}")

    again

let private manifestOf (run: RunFolder) =
    match run.Manifest with
    | null -> raise (InvalidDataException $"{run}: it has no manifest: what it is cannot be told, and it is refused.")
    | manifest -> manifest

/// Runs the first steps again with a runner, up to the first traced step from `steps` on, and compares what was traced.
let smoke (runner: string) (conditions: Conditions) (steps: int64) (run: RunFolder) : int64 * Comparison =
    let manifest = manifestOf run
    let traced = run.Traces() |> Seq.map _.Step |> Seq.distinct |> List.ofSeq

    if traced.IsEmpty then
        raise (InvalidDataException $"{run}: its trace.jsonl holds nothing, so there are no steps to compare.")

    let until = traced |> List.tryFind (fun step -> step >= steps) |> Option.defaultValue (List.last traced)

    inFolder (fun folder ->
        let again = execute runner conditions run manifest folder [ "--until"; string until ]
        until, compare (Some until) run again (fun _ -> []) [])

/// Checks the run's sources out, builds them from the locked packages, runs it whole, and compares everything. `say` is told what is done.
let rerun (repository: string) (conditions: Conditions) (say: string -> unit) (run: RunFolder) : Comparison =
    let manifest = manifestOf run

    let snapshot =
        match manifest.Git with
        | null -> None
        | git -> git.Snapshot |> Option.ofObj

    match snapshot with
    | None ->
        raise (
            InvalidDataException
                $"{run}: its manifest names no snapshot of its sources, so they cannot be built again; `audit smoke` compares it with today's."
        )
    | Some snapshot ->
        inFolder (fun folder ->
            let sources = Path.Combine(folder, "sources")

            let git where arguments =
                match Git.ask where arguments with
                | Ok said -> said
                | Error says -> raise (InvalidDataException $"{run.Id}: its sources, {snapshot.Commit}, cannot be checked out: {says}")

            let top = git repository [ "rev-parse"; "--show-toplevel" ]
            say $"checking out {snapshot.Commit.Substring(0, 12)}"
            // Objects are read where they are; nothing is written there.
            git folder [ "clone"; "--quiet"; "--shared"; "--no-checkout"; top; sources ] |> ignore
            git sources [ "checkout"; "--quiet"; "--detach"; snapshot.Commit ] |> ignore
            say "building it from the locked packages"
            let code, said = started sources [] "dotnet" [ "fsi"; "build.fsx"; "build"; "--for"; "experiments" ]

            if code <> 0 then
                {
                    Verdict = Failed
                    Parting = None
                    Drifts = []
                    Metrics = []
                    Reason = Some $"its sources do not build here: {lastLines 3 said}"
                    Made = None
                }
            else
                say "running it again"
                let runner = Path.Combine(sources, "artifacts", "bin", "Ebm.Runner", "release", "ebm-runner")
                let again = execute runner conditions run manifest folder []
                compare None run again (otherSeeds run manifest) [])
