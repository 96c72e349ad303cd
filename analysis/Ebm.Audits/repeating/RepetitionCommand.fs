/// Does it come out again? What `smoke`, `rerun` and `sample` print of a comparison, and its exit code.
module Ebm.Audits.RepetitionCommand

open System
open System.Globalization
open Ebm.Records
open Ebm.Audits.Place
open Ebm.Audits.Comparison
open Ebm.Audits.Repetition

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
    let report = KeptAudits.written (KeptAudits.kept verb run until None found) found
    if place.Json then Console.Write report else print run until found
    enter place $"{verb} {run.Sweep}/{run.Id}" report
    exitCode found.Verdict

/// As a run was, but for what the place says.
let conditionsOf (place: Place) = {
    conditions place.Root place.Data with
        Threads = place.Threads
        Variables = place.Variables
        With = place.With
}

/// One run, done again, printed and entered.
let one verb (again: Place -> RunFolder -> int64 option * Comparison) (place: Place) (words: string list) =
    let run = runOf place words
    let until, found = again place run
    conclude place verb run until found
