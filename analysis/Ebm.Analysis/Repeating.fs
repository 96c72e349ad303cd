/// `smoke`, `rerun` and `sample`: does it come out again? What a comparison prints, and its exit code.
module Ebm.Analysis.Repeating

open System
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.AuditPlace
open Ebm.Analysis.AuditCompare

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

let private comparison (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    JsonText.Readable(fun json ->
        json.WriteStartObject()
        json.WriteString("audit", verb)
        json.WriteString("run", $"{run.Sweep}/{run.Id}")
        json.WriteString("verdict", nameOf found.Verdict)
        until |> Option.iter (fun step -> json.WriteNumber("until", step))
        found.Reason |> Option.iter (fun reason -> json.WriteString("reason", reason))

        match found.Parting with
        | Some parting ->
            json.WriteStartObject "parting"
            parting.Step |> Option.iter (fun step -> json.WriteNumber("step", step))
            json.WriteString("what", parting.What)
            json.WriteEndObject()
        | None -> ()

        json.WriteStartArray "drifts"

        for drift in found.Drifts do
            json.WriteStartObject()
            json.WriteString("kind", drift.Kind)
            json.WriteString("says", drift.Says)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteStartArray "metrics"

        for metric in found.Metrics do
            json.WriteStartObject()
            json.WriteString("name", metric.Name)
            json.WriteString("was", number metric.Was)
            json.WriteString("is", number metric.Is)
            json.WriteString("agrees", nameOf metric.Agrees)
            json.WriteEndObject()

        json.WriteEndArray()
        json.WriteEndObject())

/// Prints and enters a comparison; the exit code that its verdict means.
let private conclude (place: Place) (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    let report = comparison verb run until found

    if place.Json then
        Console.Write report
    else
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

    enter place $"{verb} {run.Sweep}/{run.Id}" report

    match found.Verdict with
    | Bitwise
    | Tolerance
    | Statistical -> 0
    | Different
    | NotComparable
    | Failed -> 3

let private conditions (place: Place) : AuditRerun.Conditions = { Data = place.Data; Threads = place.Threads; Variables = place.Variables }

let private smokeOne (place: Place) (run: RunFolder) =
    let until, found = AuditRerun.smoke (runnerOf place) (conditions place) place.Steps run
    conclude place "smoke" run (Some until) found

let private rerun (place: Place) (run: RunFolder) =
    let say (what: string) = if not place.Json then eprintfn $"{what} …"
    AuditRerun.rerun place.Root (conditions place) say run |> conclude place "rerun" run None

/// A hash orders the runs: who knows the seed draws the same ones.
let private sample (place: Place) (sweeps: string list) =
    let below = if sweeps.IsEmpty then [ place.Runs ] else sweeps |> List.map (fun sweep -> Path.Combine(place.Runs, sweep))

    let drawn =
        below
        |> List.collect (RunFolder.Under >> List.ofSeq)
        |> List.filter (fun run -> run.State = RunState.Completed)
        |> List.sortBy (fun run -> Canonical.Sha256 $"{place.Seed} {run.Sweep}/{run.Id}")
        |> List.truncate place.N

    if drawn.IsEmpty then refuse "no run there is completed, so there is none to draw."
    drawn |> List.map (smokeOne place) |> List.max

let verbs = [
    {
        Name = "smoke"
        Says = "run the first steps again with what is built here, and compare the trace: smoke <run> [--steps K]"
        Perform = fun place words -> runOf place words |> smokeOne place
    }
    {
        Name = "rerun"
        Says =
            "check out the sources as they were, build them, run, and compare everything: rerun <run>; --threads and --set change what it is done with"
        Perform = fun place words -> runOf place words |> rerun place
    }
    {
        Name = "sample"
        Says = "smoke so many completed runs, drawn at random: sample [sweep] [--n N] [--seed S] [--steps K]"
        Perform = fun place sweeps -> sample place (sweepsOf place sweeps)
    }
]
