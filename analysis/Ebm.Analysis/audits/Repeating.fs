/// `smoke` and `rerun`: does it come out again? What a comparison prints, and its exit code.
module Ebm.Analysis.Repeating

open System
open System.Globalization
open Ebm.Records
open Ebm.Analysis.AuditPlace
open Ebm.Analysis.AuditCompare

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

/// What a comparison says to people.
let print (run: RunFolder) (until: int64 option) (found: Comparison) =
    let upTo = until |> Option.map (fun step -> $" up to step {step}") |> Option.defaultValue ""
    Console.WriteLine $"{nameOf found.Verdict}: {run.Sweep}/{run.Id}{upTo}"
    found.Reason |> Option.iter (fun reason -> Console.WriteLine $"  {reason}")

    match found.Parting with
    | Some { Step = Some step; What = what } -> Console.WriteLine $"  they part at step {step}: {what}"
    | Some { What = what } -> Console.WriteLine $"  they part after training: {what}"
    | None -> ()

    for metric in found.Metrics |> List.filter (fun metric -> metric.Agrees <> Bitwise) do
        Console.WriteLine $"  {metric.Name} was {number metric.Was} and is {number metric.Is}: {nameOf metric.Agrees}"

    for drift in found.Drifts do
        Console.WriteLine $"  {drift.Kind} drift: {drift.Says}"

    for note in found.Notes do
        Console.WriteLine $"  {note}"

/// The exit code that a verdict means.
let exitCode verdict = if reproduces verdict then 0 else 3

/// Prints and enters a comparison; the exit code that its verdict means.
let private conclude (place: Place) (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    let report = AuditKept.written (AuditKept.kept verb run until None found) found
    if place.Json then Console.Write report else print run until found
    enter place $"{verb} {run.Sweep}/{run.Id}" report
    exitCode found.Verdict

let private conditions (place: Place) = {
    AuditRerun.conditions place.Root place.Data with
        Threads = place.Threads
        Variables = place.Variables
        With = place.With
}

/// The first steps again, up to the step that is answered.
let smokeOf (place: Place) (run: RunFolder) : int64 option * Comparison =
    let until, found = AuditRerun.smoke (runnerOf place) (conditions place) place.Steps run
    Some until, found

/// All of it again.
let rerunOf (place: Place) (run: RunFolder) : int64 option * Comparison =
    let say (what: string) = if not place.Json then eprintfn $"{what} …"
    None, AuditRerun.rerun (conditions place) say run

let private one verb (again: Place -> RunFolder -> int64 option * Comparison) (place: Place) (words: string list) =
    let run = runOf place words
    let until, found = again place run
    conclude place verb run until found

let verbs = [
    {
        Name = "smoke"
        Says = "run the first steps again with what is built here, and compare the trace: smoke <run> [--steps K]"
        Perform = one "smoke" smokeOf
    }
    {
        Name = "rerun"
        Says =
            "check out the sources as they were, build them, run, and compare everything: rerun <run>; --threads and --set change what it is done with"
        Perform = one "rerun" rerunOf
    }
]
