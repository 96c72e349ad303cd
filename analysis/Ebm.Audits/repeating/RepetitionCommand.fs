/// Prints the comparisons of `smoke`, `rerun` and `sample`, and gives their exit codes.
module Ebm.Audits.RepetitionCommand

open System
open System.Globalization
open System.IO
open Argu
open Ebm.Records
open Ebm.Audits.Workspace
open Ebm.Audits.Comparison
open Ebm.Audits.Repetition

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

/// Prints a comparison as text.
let print (run: RunFolder) (until: int64 option) (found: Comparison) =
    let upTo = until |> Option.map (fun step -> $" up to step {step}") |> Option.defaultValue ""
    Console.WriteLine $"{nameOf found.Verdict}: {run.Sweep}/{run.Id}{upTo}"
    found.Reason |> Option.iter (fun reason -> Console.WriteLine $"  {reason}")

    match found.Parting with
    | Some { Step = Some step; What = what } -> Console.WriteLine $"  first difference at step {step}: {what}"
    | Some { What = what } -> Console.WriteLine $"  first difference after training: {what}"
    | None -> ()

    for metric in found.Metrics |> List.filter (fun metric -> metric.Agrees <> Bitwise) do
        Console.WriteLine $"  {metric.Name} was {number metric.Was} and is {number metric.Is}: {nameOf metric.Agrees}"

    for drift in found.Drifts do
        Console.WriteLine $"  {drift.Kind} drift: {drift.Says}"

    for note in found.Notes do
        Console.WriteLine $"  {note}"

/// Checks a number of steps to compare.
let steps (count: int64) = if count >= 1L then count else Options.usage $"--steps {count}" "--steps must be 1 or more."

/// The exit code of a verdict.
let exitCode verdict = if reproduces verdict then 0 else 3

/// Prints a comparison and enters it into the ledger; returns the exit code of its verdict.
let private conclude (workspace: Workspace) (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    let report = KeptAudits.written (KeptAudits.kept verb run until None found) found
    if workspace.Json then Console.Write report else print run until found
    enter workspace $"{verb} {run.Sweep}/{run.Id}" report
    exitCode found.Verdict

/// The options of every audit that repeats runs: the conditions that may differ from the run's own.
[<RequireQualifiedAccess>]
type Option =
    | [<EqualsAssignmentOrSpaced>] Threads of count: int
    | [<EqualsAssignmentOrSpaced>] Set of variable: string
    | [<EqualsAssignmentOrSpaced>] With of assembly: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Threads _ -> "threads of libtorch (those of the run)"
            | Set _ -> "an environment variable, NAME=VALUE, instead of the run's own; may be repeated"
            | With _ -> "the current path of a lab's own assembly; may be repeated"

let parser = Options.parser<Option>

/// The run's own conditions, changed by the arguments; and the other arguments.
let conditionsOf (workspace: Workspace) (arguments: string list) : Conditions * string list =
    let options, rest = Options.read parser arguments

    {
        conditions workspace.Root workspace.Data with
            Threads = options.TryGetResult <@ Option.Threads @> |> Option.map (Options.counted "--threads")
            Variables = [
                for variable in options.GetResults <@ Option.Set @> do
                    match variable.Split('=', 2) with
                    | [| name; value |] -> name, value
                    | _ -> Options.usage $"--set {variable}" "write a variable as NAME=VALUE."
            ]
            With = options.GetResults <@ Option.With @> |> List.map Path.GetFullPath
    },
    rest

/// Prints the alterations of runs. True if there are any: then none is repeated or exported, because a verdict would be about other files than
/// the runs wrote.
let areAltered (workspace: Workspace) (runs: RunFolder list) =
    let found = Verify.changed workspace.Runs (runs |> List.map _.Path)

    for KeyValue(_, alterations) in found do
        for alteration in alterations do
            eprintfn $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}"

    if not found.IsEmpty then eprintfn $"""ALTERED: {String.Join(", ", found.Keys)}; nothing was done."""
    not found.IsEmpty

/// Repeats one run, prints the comparison, and enters it into the ledger.
let one verb (again: RunFolder -> int64 option * Comparison) (workspace: Workspace) (words: string list) =
    let run = executedRunOf workspace words

    if areAltered workspace [ run ] then
        3
    else
        let until, found = again run
        conclude workspace verb run until found
