/// Does what a plan leaves to do, here or by SLURM, now or away from the keyboard, and prints what has become of it.
module Ebm.Sweeps.Perform

open System
open System.Diagnostics
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Core
open Ebm.Records
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Child
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked
open Ebm.Sweeps.Tabulate
open Ebm.Sweeps.Terms

/// A device that is not there is an error now, not in every run. Looking for one loads libtorch, so only where one is asked for.
let internal checkDevices (plan: Plan) =
    for run in plan.Runs |> List.distinctBy _.Spec.Device do
        if run.Spec.Device <> "cpu" then
            try
                run.Spec.OnDevice() |> ignore
            with :? SettingException as error ->
                match run.Composed.Find "device" with
                | null -> fail Source.Code "device" $"device {error.Says}."
                | node -> fail node.Source "device" $"device {error.Says}."

/// All that was planned, whatever of it is asked for now: tables count what is missing.
let internal note (place: Place) (sweep: Declare.Sweep) (plan: Plan) =
    Plans.note plan.Folder {
        Overrides = sweep.Parts |> List.map (List.map _.Text)
        Metric = place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (sweep.Metric |> Option.map fst)
        Baseline = sweep.Baseline
        Runs = plan.Runs |> List.map _.Id
    }

/// The metric that decides.
let internal metric (place: Place) what =
    match place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (place.Sweep.Metric |> Option.map fst) with
    | Some metric -> metric
    | None -> usage what $"{what} needs to know what decides: --metric grid-kl, or metric in the sweep's declaration."

/// Starts this very command again, without a terminal and in a session of its own.
let internal detach (place: Place) (plan: Plan) =
    // Refused now, where it is seen, and not in the log of the sweep that is at work.
    (Hold.take plan.Folder (part place.Given)).Dispose()
    let log = Path.Combine(plan.Folder, Hold.nameOf (part place.Given) + ".log")
    let words = Environment.GetCommandLineArgs() |> Array.filter ((<>) "--detach") |> List.ofArray
    let command = Environment.ProcessPath :: words |> List.map (string >> Slurm.quoted) |> String.concat " "
    let start =
        ProcessStartInfo("setsid", [ "--fork"; "/bin/sh"; "-c"; $"exec {command} > {Slurm.quoted log} 2>&1 < /dev/null" ])
    use child = nonNull (Process.Start start)
    child.WaitForExit()
    Console.WriteLine $"{plan.Sweep} goes on by itself; follow it with attach, stop it with stop. It writes {relative log}."

let internal submit (place: Place) (plan: Plan) (jobs: Job list) =
    let pinned, _ = pinned place plan
    let settings = settings place plan |> pinned
    let queued = Slurm.said plan.Folder |> Map.filter (fun _ (_, state) -> Slurm.isQueued state)
    let jobs = jobs |> List.filter (fun job -> not (queued.ContainsKey job.Run.Id))

    if jobs.IsEmpty then
        Console.WriteLine $"Nothing is to be submitted: SLURM has {queued.Count} runs already."
    else
        let submission: Slurm.Submission = {
            Workers = place.Given.Options.GetResult(<@ Workers @>, 256)
            RunsPerTask = max 1 (place.Given.Options.GetResult(<@ Runs_Per_Task @>, 1))
            Options = place.Given.Options.GetResult(<@ CommandLine.Option.Slurm @>, "")
            Runner = settings.Runner
            Arguments = settings.Arguments
        }

        let jobs' = Slurm.submit submission plan.Folder jobs
        Console.WriteLine $"""{jobs.Length} runs are submitted as {String.Join(", ", jobs')}; `status` says how they are."""

    0

/// Does the jobs that a plan leaves, and prints the table of the sweep's folder. `next` plans again what came up meanwhile.
let internal perform (place: Place) (noted: unit -> unit) (plan: Plan) (jobsOf: Plan -> Job list) (next: unit -> Plan option) =
    let given = place.Given

    if given.Options.Contains <@ Dry_Run @> then
        Show.plan plan
        0
    elif given.Options.Contains <@ Detach @> then
        checkDevices plan
        settings place plan |> ignore
        detach place plan
        0
    else
        let jobs = jobsOf plan
        // Whatever is refused is refused before the folder is touched.
        checkDevices plan
        settings place plan |> ignore

        match given.Options.TryGetResult <@ Launcher @> with
        | Some "slurm" ->
            Show.counts plan
            noted ()
            submit place plan jobs
        | Some other when other <> "local" ->
            usage $"--launcher {other}" $"""a launcher is local or slurm{Spelling.DidYouMean(other, [ "local"; "slurm" ])}."""
        | _ ->
            let stale =
                plan.Runs
                |> List.filter (fun run -> run.State = RunState.Stale && jobs |> List.forall (fun job -> job.Run.Id <> run.Id))

            let sayStale () =
                match stale with
                | [] -> ()
                | first :: _ ->
                    let others = if stale.Length = 1 then "" else $" ({stale.Length - 1} more are stale)"
                    Console.WriteLine
                        $"{first.Id} is stale: {string first.Reason}{others}. --redo stale runs such runs again, --reuse config takes them as they are."

            let rec rounds pinned (plan: Plan) (jobs: Job list) before =
                let outcomes, stopped =
                    if jobs.IsEmpty then
                        [], None
                    else
                        checkDevices plan
                        let settings: Launch.Settings = settings place plan |> pinned
                        Console.WriteLine $"{jobs.Length} to do, {min settings.Workers jobs.Length} at once, in {relative plan.Folder}"
                        Status.during (entering place >> Launch.launch settings jobs)

                let outcomes = before @ outcomes

                match stopped, (if stopped.IsSome then None else next ()) with
                | None, Some plan ->
                    Show.counts plan
                    rounds pinned plan (jobsOf plan) outcomes
                | _ -> plan, outcomes, stopped

            let plan, outcomes, stopped =
                if jobs.IsEmpty && plan.Searches.IsEmpty then
                    Show.counts plan
                    sayStale ()
                    if not plan.Runs.IsEmpty then Console.WriteLine "Nothing is left to do."
                    plan, [], None
                else
                    use _ = Hold.take plan.Folder (part given)
                    noted ()
                    Show.counts plan
                    sayStale ()
                    // Once, so that all rounds of a search execute the same code.
                    let pinned, held = pinned place plan
                    use _ = held
                    rounds pinned plan jobs []

            match stopped with
            | Some code ->
                Console.WriteLine "Stopped; the same command goes on from here."
                code
            | None ->
                // Runs that others have executed, too.
                enter (fun () -> Ledger.enterRuns place.Runs (RunFolder.Under plan.Folder))
                tabulate place false true plan.Folder |> ignore
                let ended = outcomes |> List.map (fun outcome -> outcome.Job.Run.Id, outcome.State) |> Map.ofList
                let good state = List.contains state [ RunState.Completed; RunState.Pruned; RunState.Stale ]
                let all = plan.Runs |> List.forall (fun run -> ended |> Map.tryFind run.Id |> Option.defaultValue run.State |> good)
                if all then 0 else 1

// ── The verbs that do ───────────────────────────────────────────────────────────────────────

let internal run (place: Place) =
    let redo =
        match place.Given.Options.TryGetResult <@ Redo @> with
        | Some filter -> redone filter
        | None -> fun _ -> false

    // Whoever asks for stale runs only wants them run again.
    let only = place.Given.Options.TryGetResult <@ Only @> |> Option.map (states "--only") |> Option.defaultValue []
    let sweep = asked place

    let jobs (plan: Plan) =
        let jobs = [
            for run in plan.Runs do
                if redo run || (run.State = RunState.Stale && List.contains RunState.Stale only) then
                    { Run = run; Work = ExecuteAfresh; Try = 1 }
                elif run.State <> RunState.Stale && not (RunState.IsSettled run.State) then
                    { Run = run; Work = Execute; Try = 1 }
        ]

        if place.Given.Options.Contains <@ Seeds_First @> then Launch.seedsFirst jobs else jobs

    let whole = planOf place sweep
    let plan = selected place.Given whole

    if not plan.Searches.IsEmpty && part place.Given <> Hold.Whole then
        usage "--shard" "what a search tries next follows from what came before, so it cannot be dealt out; leave --shard away."

    if plan.Searches.IsEmpty then
        perform place (fun () -> note place sweep whole) plan jobs (fun () -> None)
    else
        let metric = metric place "a search"

        /// Writes down what trials came to and asks for more; None when the search is over.
        let next () =
            let plan = planOf place sweep

            for search in plan.Searches do
                Search.tell plan.Folder search (fun settings ->
                    let runs = plan.Runs |> List.filter (fun run -> settings |> List.forall (fun text -> List.contains text run.Overrides))
                    let values = runs |> List.map (fun run -> Prune.finalValue metric run.Folder)

                    if
                        runs.IsEmpty || runs |> List.exists (fun run -> not (RunState.IsSettled run.State || run.State = RunState.Failed))
                    then
                        None
                    elif values |> List.forall Option.isSome then
                        Some(values |> List.averageBy Option.get)
                    else
                        Some infinity)

            if plan.Searches.IsEmpty then
                None
            else
                for search in plan.Searches do
                    Search.ask plan.Folder search

                let plan = planOf place sweep
                note place sweep plan
                Some(selected place.Given plan)

        // Before it has a run, there is nothing to do but to ask.
        perform place ignore plan jobs next

let internal measure (place: Place) =
    perform
        place
        ignore
        (planned place |> selected place.Given)
        (fun plan -> [
            for run in plan.Runs do
                if run.State = RunState.Completed || run.State = RunState.Stale then { Run = run; Work = Measure; Try = 1 }
        ])
        (fun () -> None)

let internal confirm (place: Place) =
    let plan = planned place
    let metric = metric place "confirm"
    let options = place.Given.Options
    let winners =
        Confirm.winners (options.GetResult(<@ Top @>, 1)) [ for run in plan.Runs -> run, Prune.finalValue metric run.Folder ]

    if winners.IsEmpty then
        usage "confirm" $"no setting of {plan.Sweep} has completed all its seeds with a value of {metric}, so there is no winner yet."

    let seeds = Confirm.freshSeeds (options.GetResult(<@ Seeds @>, 6)) plan.Runs

    for winner in winners do
        let settings = winner.Head.Overrides |> List.filter (fun text -> not (text.StartsWith "seed="))
        Console.WriteLine $"""winner by {metric}: {String.Join(' ', settings)}"""

    let sweep = Confirm.sweep plan.Sweep seeds winners

    let plan =
        // Its own name, whatever the experiment is called.
        planNamed place (Some sweep.Name) sweep

    perform
        place
        (fun () -> note place sweep plan)
        plan
        (fun plan -> [
            for run in plan.Runs do
                if run.State <> RunState.Stale && not (RunState.IsSettled run.State) then { Run = run; Work = Execute; Try = 1 }
        ])
        (fun () -> None)
