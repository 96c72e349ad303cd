/// Takes runs out of tables for good, with a reason, or puts them back. Run folders stay as they are.
module Ebm.Sweeps.Retire

open System
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked

/// The retired runs of a plan, each with the reason.
let internal retiredIn (plan: Plan) : (PlannedRun * string) list =
    let retired = Retired.read plan.Folder
    plan.Runs |> List.choose (fun run -> retired.TryFind run.Id |> Option.map (fun because -> run, because))

/// Says of each retired run of a plan that it neither counts nor is executed.
let internal say (retired: (PlannedRun * string) list) =
    for run, because in retired do
        Console.WriteLine $"{run.Id} is retired because {because}; it is not executed and does not count as done."

    if not retired.IsEmpty then Console.WriteLine $"""retire {(fst retired.Head).Id} --undo --because "…" takes the decision back."""

let private reason (place: Place) =
    match place.Given.Options.TryGetResult <@ Because @> with
    | None -> usage place.Given.Verb "a reason is missing: give --because \"…\", which the table and the ledger will show."
    | Some text ->
        let because = text.Trim()
        if because = "" then usage "--because" "the reason is empty; write why the runs do not count."
        if because.Length > Retirement.longest then usage "--because" $"the reason has more than {Retirement.longest} characters."
        if because |> Seq.exists Char.IsControl then usage "--because" "the reason has a line break or another control character."
        let secrets = Secrets.At place.Root
        secrets.RefuseIn("because", Document.Of(because, Source.CommandLine "--because"))
        if secrets.Masked(because) <> because then
            usage "--because" "the reason contains what looks like a secret, and it would be recorded and published."
        because

/// The runs that the words name, or that --where selects in the sweep of --name.
let private chosen (place: Place) : RunFolder list =
    match place.Given.Words, place.Given.Options.TryGetResult <@ Where @> with
    | [], None -> usage place.Given.Verb "name runs by their ids, or select them with --where \"…\" and --name."
    | _ :: _, Some _ -> usage "--where" "name runs by their ids, or select them with --where, not both."
    | [], Some text ->
        let condition = Where.parse "--where" text

        match place.Given.Options.TryGetResult <@ Name @> with
        | None -> usage "--where" "--where needs --name, the sweep whose runs it selects."
        | Some _ -> [
            for folder in sweepFolders place do
                for run in RunFolder.Under folder do
                    if Where.holds condition run.Config then run
          ]
    | words, None ->
        // In the sweep of --name, if it is given.
        let runs =
            match place.Given.Options.TryGetResult <@ Name @> with
            | None -> place.Runs
            | Some name -> (SweepFolder.Name(name, Source.CommandLine $"--name {name}")).In place.Runs

        words |> List.map (findRun runs) |> List.distinctBy _.Path

let internal retire (place: Place) =
    let undo = place.Given.Options.Contains <@ Undo @>
    if place.Given.Unions <> [ [] ] then usage "retire" "retire takes no overrides; select runs with --where \"method.steps == 20\"."
    let because = reason place
    let runs = chosen place

    for run in runs do
        if Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath run.Path)) <> Path.GetFullPath place.Runs then
            usage run.Id $"the run is not below {relative place.Runs}; name its folder of runs with --runs."

        if Claim.IsHeld run.Path then usage run.Id "the run is being executed; stop it first."

    let isRetired =
        let known =
            runs
            |> List.map (_.Path >> Path.GetDirectoryName >> string)
            |> List.distinct
            |> List.map (fun folder -> folder, Retired.read folder)
        let known = dict known
        fun (run: RunFolder) -> known[string (Path.GetDirectoryName run.Path)].TryFind run.Id

    match runs, runs |> List.filter (fun run -> (isRetired run).IsSome = undo) with
    | [], _ -> usage place.Given.Verb "no run is selected."
    | [ run ], [] when not undo -> usage run.Id $"the run is already retired because {(isRetired run).Value}."
    | _, [] -> usage place.Given.Verb (if undo then "none of these runs is retired." else "all of these runs are already retired.")
    | _, changing ->
        for sweep, runs in changing |> List.groupBy _.Sweep do
            let decision (run: RunFolder) : Retired.Decision = { Run = run.Id; Because = because; Undone = undo }
            Retirement.decide place.Root place.Runs sweep (List.map decision runs)

            for run in runs do
                Console.WriteLine(if undo then $"{run.Id} counts again: {because}." else $"{run.Id} is retired: {because}.")

            Console.WriteLine $"The ledger has it; write the table again with: table {sweep}"

        0
