/// Repeats the first steps of a run with the current build, and compares the traces.
module Ebm.Audits.Smoke

open System
open System.IO
open Ebm.Records
open Ebm.Audits.Comparison
open Ebm.Audits.Repetition
open Ebm.Audits.Scratch

/// The commit with a run's sources.
let private sourcesOf (manifest: RunManifest) : string option =
    match manifest.Git with
    | null -> None
    | git ->
        match git.Snapshot with
        | null -> if git.Dirty then None else Some git.Commit
        | snapshot -> Some snapshot.Commit
        |> Option.filter Git.isHash

/// The results that the first steps do not reach.
let private notCompared (manifest: RunManifest) = [
    let names =
        manifest.Artefacts
        |> Seq.map (fun artefact -> (artefact.Path.Split '/')[0])
        |> Seq.filter (fun name -> name <> "trace.jsonl" && not (name.StartsWith "config."))
        |> Seq.distinct
        |> List.ofSeq

    if not names.IsEmpty then
        $"""Only the trace of the first steps was compared, and none of {String.Join(", ", names)}; rerun compares these."""
]

/// Runs the first steps again with a runner, up to the first traced step from `steps` on, and compares what was traced.
let smoke (runner: string) (conditions: Conditions) (steps: int64) (run: RunFolder) : int64 * Comparison =
    let manifest = manifestOf run
    let traced = run.Traces() |> Seq.map _.Step |> Seq.distinct |> List.ofSeq

    if traced.IsEmpty then raise (InvalidDataException $"{run}: its trace.jsonl is empty, so there are no steps to compare.")

    let until = traced |> List.tryFind (fun step -> step >= steps) |> Option.defaultValue (List.last traced)
    let labs = labs conditions run manifest
    let beside = string (Path.GetDirectoryName runner)

    let sources =
        match sourcesOf manifest with
        | None -> fun _ -> []
        | Some commit ->
            let changed = CompiledSources.changed conditions.Repository commit
            fun name -> changed (Path.Combine(beside, name + ".dll"))

    inScratch (fun scratch ->
        // The config is composed first, because the script may build changed sources.
        let composed = conditions.Compose scratch conditions.Repository labs manifest
        let again = execute scratch runner conditions run manifest labs [ "--until"; string until ]
        let drifts, notes = further conditions run manifest composed
        let further = drifts @ rebuilt manifest again labs
        let around = { nothing with Sources = sources; Further = further; Notes = notes @ notCompared manifest }
        until, compare (Some until) run again around)
