/// Does it come out again? What `smoke`, `rerun` and `sample` print of a comparison, and its exit code.
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
let private conclude (workspace: Workspace) (verb: string) (run: RunFolder) (until: int64 option) (found: Comparison) =
    let report = KeptAudits.written (KeptAudits.kept verb run until None found) found
    if workspace.Json then Console.Write report else print run until found
    enter workspace $"{verb} {run.Sweep}/{run.Id}" report
    exitCode found.Verdict

/// What may differ from how a run was made: the options of every audit that repeats runs.
[<RequireQualifiedAccess>]
type Option =
    | [<EqualsAssignmentOrSpaced>] Threads of count: int
    | [<EqualsAssignmentOrSpaced>] Set of variable: string
    | [<EqualsAssignmentOrSpaced>] With of assembly: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Threads _ -> "threads of libtorch (as the run had)"
            | Set _ -> "an environment variable, NAME=VALUE, instead of the run's own; may be repeated"
            | With _ -> "where a lab's own assembly lies now; may be repeated"

let parser = Options.parser<Option>

/// As a run was made, except for what the arguments say; and the other arguments.
let conditionsOf (workspace: Workspace) (arguments: string list) : Conditions * string list =
    let options, rest = Options.read parser arguments

    {
        conditions workspace.Root workspace.Data with
            Threads = options.TryGetResult <@ Option.Threads @> |> Option.map (Options.counted "--threads")
            Variables = [
                for variable in options.GetResults <@ Option.Set @> do
                    match variable.Split('=', 2) with
                    | [| name; value |] -> name, value
                    | _ -> Options.usage $"--set {variable}" "a variable is set by NAME=VALUE."
            ]
            With = options.GetResults <@ Option.With @> |> List.map Path.GetFullPath
    },
    rest

/// One run, repeated, printed and entered.
let one verb (again: RunFolder -> int64 option * Comparison) (workspace: Workspace) (words: string list) =
    let run = runOf workspace words
    let until, found = again run
    conclude workspace verb run until found
