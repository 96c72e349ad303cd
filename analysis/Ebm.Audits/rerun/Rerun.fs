/// Repeats a whole run: its sources at launch, checked out and built in a separate folder.
module Ebm.Audits.Rerun

open System.IO
open Ebm.Records
open Ebm.Analysis
open Ebm.Audits.Comparison
open Ebm.Audits.Repetition
open Ebm.Audits.Scratch

/// The values of a metric for the other completed seeds of the run's group.
let private otherSeeds (run: RunFolder) (manifest: RunManifest) =
    let runs, _ = Runs.under (string (Path.GetDirectoryName run.Path))
    let group = runs |> List.filter (fun other -> other.Group = manifest.GroupId && other.State = RunState.Completed && other.Id <> run.Id)
    fun name -> group |> List.choose (fun other -> other.Metrics.TryFind name |> Option.map _.Value)

/// A run in one of these states was stopped from outside, so it is compared up to the step that it reached.
let private stopped = set [ RunState.Pruned; RunState.Interrupted; RunState.Preempted; RunState.Timeout; RunState.Lost ]

/// Checks the run's sources out, builds them from the locked packages, runs it whole, and compares everything. `say` gets the progress.
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
                $"{run}: its manifest names no snapshot of its sources, so they cannot be built again; `audit smoke` compares it with today's sources."
        )
    | Some snapshot when not (Git.isHash snapshot.Commit) ->
        raise (InvalidDataException $"{run}: the snapshot that its manifest names is not the hash of a commit.")
    | Some _ when until = Some 0L ->
        raise (InvalidDataException $"{run}: it was {Kebab.Of manifest.State} before its first step: there is nothing to compare.")
    | Some snapshot ->
        let labs = labs conditions run manifest

        inScratch (fun scratch ->
            let clone = Path.Combine(scratch.Folder, "sources")

            let git where arguments =
                match Git.ask where arguments with
                | Ok said -> said
                | Error says ->
                    scratch.Check()

                    raise (
                        InvalidDataException
                            $"{run.Id}: its sources, {snapshot.Commit}, cannot be checked out: {says}; if {snapshot.Ref} is missing, \
                              git fetch origin 'refs/ebm/*:refs/ebm/*' brings it."
                    )

            let top = git conditions.Repository [ "rev-parse"; "--show-toplevel" ]
            let inside = git conditions.Repository [ "rev-parse"; "--show-prefix" ]
            say $"checking out {snapshot.Commit.Substring(0, 12)}"
            // Git reads the objects in the repository, writes nothing to it, and runs no hook of the user.
            let quietly = [ "-c"; "core.hooksPath=/dev/null"; "-c"; "advice.detachedHead=false" ]
            git scratch.Folder (quietly @ [ "clone"; "--quiet"; "--shared"; "--no-checkout"; top; clone ]) |> ignore
            git clone (quietly @ [ "checkout"; "--quiet"; "--detach"; snapshot.Commit ]) |> ignore
            let sources = Path.Combine(clone, inside)
            say "building it from the locked packages"
            let program, arguments = conditions.Build
            let built = scratch.Run(sources, [], program, arguments)

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
                    match conditions.Compose scratch sources labs manifest with
                    // These configs made the run, so a refusal means that the script is older than `why --json`.
                    | Composition.Refused says -> Composition.Untold says
                    | composed -> composed

                let beside = Path.Combine(sources, "artifacts", "bin", "Ebm.Runner", "release")
                let limit = until |> Option.map (fun step -> [ "--until"; string step ]) |> Option.defaultValue []
                let again = execute scratch (Path.Combine(beside, "ebm-runner")) conditions run manifest labs limit
                let drifts, notes = further conditions run manifest composed

                compare until run again {
                    Group = otherSeeds run manifest
                    Sources = (fun _ -> [])
                    Further = drifts @ rebuilt manifest again labs
                    Notes = notes
                })
