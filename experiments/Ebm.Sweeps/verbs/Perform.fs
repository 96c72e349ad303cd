/// Executes the remaining runs of a plan, here, in the background or by a scheduler, and prints the results.
module Ebm.Sweeps.Perform

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open Ebm.Analysis
open Ebm.Audits
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Child
open Ebm.Sweeps.Show
open Ebm.Sweeps.Asked
open Ebm.Sweeps.Tabulate
open Ebm.Sweeps.Terms

/// A missing device is an error before the launch, not one in every run. The check loads libtorch, so it is done only for other devices than
/// the CPU.
let private checkDevices (runs: PlannedRun list) =
    for run in runs |> List.distinctBy _.Spec.Device do
        if run.Spec.Device <> "cpu" then
            try
                run.Spec.OnDevice() |> ignore
            with :? SettingException as error ->
                match run.Composed.Find "device" with
                | null -> fail Source.Code "device" $"device {error.Says}."
                | node -> fail node.Source "device" $"device {error.Says}."

/// Refuses what every run would fail at: a device that is missing, files of data and metrics that are missing or have another header, rows that a net does
/// not take, a folder that cannot be written. Plans and --dry-run refuse it, too. `runs` are those of the plan that are executed.
let internal checkRuns (place: Place) (plan: Plan) (runs: PlannedRun list) =
    let isHere =
        match place.Given.Launching with
        | Launcher.Executes _ -> true
        | Launcher.Submits _ -> false

    let all = runs @ plan.Foreseen

    if not all.IsEmpty then
        match FolderPath.Unwritable plan.Folder with
        | null -> ()
        | says -> usage $"--runs {place.Runs}" says

    // The machine that submits runs may not have their devices.
    if isHere then checkDevices all
    let data = dataRoot place
    // The runs of a plan share the records of their data sets and methods.
    let checked' = HashSet<obj>(HashIdentity.Reference)
    let fitted = HashSet<_>()

    for run in all do
        if checked'.Add run.Spec.Data then DataFiles.Check(run.Spec.Data, run.Composed, data)

        if checked'.Add run.Spec.Measure then DataFiles.CheckMetrics(run.Spec.Measure, run.Composed, data)

        if fitted.Add(struct (run.Spec.Data, run.Spec.Method)) then DataFiles.CheckShape(run.Spec.Data, run.Spec.Method, run.Composed, data)

/// Records the whole plan, also the runs that filters exclude now, so that tables can count missing runs.
let internal note (place: Place) (sweep: Declare.Sweep) (plan: Plan) =
    let trainings = plan.Runs |> List.map _.Training
    let areShared = (List.distinct trainings).Length < trainings.Length
    let entered hash = Ledger.within place.Root place.Runs (fun () -> Ledger.enter place.Runs Ledger.Kind.plan plan.Sweep hash)

    Plans.note entered plan.Folder {
        Overrides = sweep.Parts |> List.map (List.map _.Text)
        Metric = place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (sweep.Metric |> Option.map fst)
        Baseline = sweep.Baseline
        Runs = plan.Runs |> List.map _.Id
        Trainings = if areShared then trainings |> List.map (fun hash -> hash.Substring(0, RunName.Digits)) else []
    }

/// The metric that decides between the runs of a plan; an error if none is given.
let internal metric (place: Place) what (plan: Plan) =
    match place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (place.Sweep.Metric |> Option.map fst) with
    | Some metric ->
        Decides.check (Source.Of $"sweep {place.Sweep.Name}, metric") metric _.Quantities() plan
        metric
    | None -> usage what $"{what} needs a metric that decides: give --metric grid-kl, or declare metric in the sweep."

/// Executes its further arguments with the first one, a file, as their output.
let background = """log=$1; shift; exec "$@" > "$log" 2>&1 < /dev/null"""

/// Refuses a search that is divided into shards, or without a metric that decides.
let internal checkSearch (place: Place) (plan: Plan) =
    if not plan.Searches.IsEmpty then
        if part place.Given <> Hold.Whole then
            usage "--shard" "a search cannot be divided into shards, because its next trials depend on earlier results; leave out --shard."

        metric place "a search" plan |> ignore

/// Starts the same command again in a new session without a terminal.
let internal detach (place: Place) (plan: Plan) =
    // Fails here if the sweep is already running, so that the user sees the error and need not read the log.
    (Hold.take plan.Folder (part place.Given)).Dispose()
    let log = Path.Combine(plan.Folder, Hold.nameOf (part place.Given) + ".log")
    let words = Environment.GetCommandLineArgs() |> Array.filter ((<>) "--detach") |> List.ofArray
    let program = string Environment.ProcessPath
    let start = ProcessStartInfo("setsid", [ "--fork"; "/bin/sh"; "-c"; background; "sh"; log; program ] @ words)
    use child = nonNull (Process.Start start)
    child.WaitForExit()
    Console.WriteLine
        $"{plan.Sweep} runs in the background; follow it with attach, end it with stop {plan.Sweep}. Its log is {relative log}."

/// The jobs that are not in the launcher's queue, and the number of those that are.
let private unqueued (place: Place) (plan: Plan) (jobs: Job list) =
    let queued = place.Given.Launcher.Told plan.Folder |> Map.filter (fun _ told -> told.IsQueued)
    let left = jobs |> List.filter (fun job -> not (queued.ContainsKey job.Run.Id))
    left, jobs.Length - left.Length

let private alreadyQueued (place: Place) count = $"""Already in the queue of {place.Given.Launcher.Name}: {Text.counted count "run"}."""

let internal submit (place: Place) (plan: Plan) (jobs: Job list) (submitting: Launcher.Submitting) =
    let jobs, queued = unqueued place plan jobs
    if queued > 0 then Console.WriteLine(alreadyQueued place queued)

    if jobs.IsEmpty then
        Console.WriteLine "No run is left to submit."
    else
        let pinned, _ = pinned place plan
        let submitted = submitting.Submit (settings place plan |> pinned) plan.Folder jobs
        Ledger.trying (fun () -> Manifests.enterBegun place.Runs [ for job in jobs -> RunFolder.Open job.Run.Folder ])
        Console.WriteLine $"""Submitted {Text.counted jobs.Length "run"} as {String.Join(", ", submitted)}; `status` shows their states."""

    0

/// Prints what would be executed or submitted.
let internal preview (place: Place) (plan: Plan) (jobs: Job list) =
    Show.plan plan

    match place.Given.Launching with
    | Launcher.Executes _ -> ()
    | Launcher.Submits submitting ->
        let jobs, queued = unqueued place plan jobs
        Console.WriteLine()
        if queued > 0 then Console.WriteLine(alreadyQueued place queued)

        if jobs.IsEmpty then
            Console.WriteLine "No run is left to submit."
        else
            for line in submitting.Describe (settings place plan) plan.Folder jobs do
                Console.WriteLine line

/// The ended runs of a plan whose files or ledger entries were altered: they do not count as done, and are not resumed. Each is named. Runs
/// that the jobs execute afresh are not checked, and a measurement may finish one that was interrupted.
let internal changed (place: Place) (plan: Plan) (jobs: Job list) : Set<string> =
    let ids work =
        set [
            for job in jobs do
                if job.Work = work then job.Run.Id
        ]

    let afresh, measured = ids ExecuteAfresh, ids Measure

    let ended = [
        for run in plan.Runs do
            match run.State with
            | RunState.Planned
            | RunState.Pending
            | RunState.Running
            | RunState.Lost
            | RunState.Invalid -> ()
            | _ -> if not (afresh.Contains run.Id) then run.Folder
    ]

    let isFinished id (alterations: Alteration list) =
        measured.Contains id && alterations |> List.forall (fun alteration -> alteration.What = Altered.MeasureInterrupted)

    let found =
        if ended.IsEmpty then
            Map.empty
        else
            Verify.changed place.Runs ended |> Map.filter (fun id alterations -> not (isFinished id alterations))

    for KeyValue(id, alterations) in found do
        for alteration in alterations do
            eprintfn $"{Kebab.Of alteration.What}: {alteration.Subject}: {alteration.Says}"

        eprintfn $"{id} does not count as done and is not resumed; restore it, or execute it again with --redo {id}."

    found.Keys |> Set.ofSeq

/// Options that would be ignored if a scheduler executes the runs.
let private ofThisMachine = ofProcesses @ [ "--prune"; "--tensorboard" ]

let private checkOptions (given: Given) =
    match given.Launching with
    | Launcher.Executes _ -> ()
    | Launcher.Submits _ ->
        for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
            for name in case.CommandLineNames.Value do
                if List.contains name ofThisMachine then
                    usage
                        name
                        $"{name} has no effect on runs that {given.Launcher.Name} executes; leave it out, or use the scheduler's own option."

/// Executes the jobs of a plan and prints the table of the sweep's folder. `next` gives the plan of a search's next batch.
let internal perform (place: Place) (noted: unit -> unit) (plan: Plan) (jobsOf: Plan -> Job list) (next: unit -> Plan option) =
    let given = place.Given
    checkOptions given
    let jobs = jobsOf plan
    // Errors are raised before the folder is written to, and by --dry-run as well.
    checkRuns place plan [ for job in jobs -> job.Run ]
    settings place plan |> ignore

    if given.Options.Contains <@ Dry_Run @> then
        preview place plan jobs
        0
    elif given.Options.Contains <@ Detach @> then
        detach place plan
        0
    else
        let changed = changed place plan jobs
        let retired = Retire.retiredIn plan
        Retire.say retired
        let left = set [ for run, _ in retired -> run.Id ]
        let remaining jobs = jobs |> List.filter (fun job -> not (changed.Contains job.Run.Id || left.Contains job.Run.Id))
        let jobs = remaining jobs

        match given.Launching with
        | Launcher.Submits submits ->
            Directory.CreateDirectory plan.Folder |> ignore
            Show.counts plan
            noted ()
            let code = submit place plan jobs submits
            if changed.IsEmpty then code else 3
        | Launcher.Executes executes ->
            let stale =
                plan.Runs |> List.filter (fun run -> run.State = RunState.Stale && jobs |> List.forall (fun job -> job.Run.Id <> run.Id))

            let sayStale () =
                match stale with
                | [] -> ()
                | first :: _ ->
                    let others = if stale.Length = 1 then "" else $""" (and {Text.counted (stale.Length - 1) "more run"})"""
                    Console.WriteLine
                        $"{first.Id} is stale: {string first.Reason}{others}. --redo stale executes stale runs again; --reuse config accepts them."

            let rec rounds pinned (plan: Plan) (jobs: Job list) before =
                let outcomes, stopped =
                    if jobs.IsEmpty then
                        [], None
                    else
                        let settings: Launch.Settings = settings place plan |> pinned
                        Console.WriteLine
                            $"""{Text.counted jobs.Length "run"} to execute, {min settings.Workers jobs.Length} at once, in {relative plan.Folder}"""
                        Status.during (entering place >> TensorBoard.following place >> executes settings jobs)

                let outcomes = before @ outcomes

                match stopped, (if stopped.IsSome then None else next ()) with
                | None, Some plan ->
                    Show.counts plan
                    rounds pinned plan (remaining (jobsOf plan)) outcomes
                | _ -> plan, outcomes, stopped

            let plan, outcomes, stopped =
                if jobs.IsEmpty && plan.Searches.IsEmpty then
                    Show.counts plan
                    sayStale ()
                    if not plan.Runs.IsEmpty then Console.WriteLine "No run is left to execute."
                    plan, [], None
                else
                    use _ = Hold.take plan.Folder (part given)
                    noted ()
                    Show.counts plan
                    sayStale ()
                    // Pinned once, so that all rounds of a search execute the same code.
                    let pinned, held = pinned place plan
                    use _ = held
                    rounds pinned plan jobs []

            match stopped with
            | Some code ->
                Console.WriteLine "Stopped; the same command continues from here."
                code
            | None ->
                // Includes runs that other processes have executed.
                Ledger.within place.Root place.Runs (fun () -> enterRuns place (RunFolder.Under plan.Folder))

                if place.Tabulates then tabulate place true (Some(Set [ for run in plan.Runs -> run.Id ])) plan.Folder |> ignore

                let ended = outcomes |> List.map (fun outcome -> outcome.Job.Run.Id, outcome.State) |> Map.ofList
                let good state = List.contains state [ RunState.Completed; RunState.Pruned; RunState.Stale ]
                let isDone (run: PlannedRun) =
                    not (left.Contains run.Id) && ended |> Map.tryFind run.Id |> Option.defaultValue run.State |> good

                let all = plan.Runs |> List.forall isDone
                if not changed.IsEmpty then 3
                elif all then 0
                else 1

// ── The verbs that execute runs ─────────────────────────────────────────────────────────────

let internal run (place: Place) =
    let redo =
        match place.Given.Options.TryGetResult <@ Redo @> with
        | Some filter -> redone filter
        | None -> fun _ -> false

    // --only stale executes stale runs again.
    let only = place.Given.Options.TryGetResult <@ Only @> |> Option.map (states "--only") |> Option.defaultValue []
    let sweep = asked place

    let jobs (plan: Plan) =
        let jobs = [
            for run in plan.Runs do
                if redo run || (run.State = RunState.Stale && List.contains RunState.Stale only) then
                    { Run = run; Work = ExecuteAfresh; Try = 1 }
                elif run.State <> RunState.Stale && not (RunStates.IsSettled run.State) then
                    { Run = run; Work = Execute; Try = 1 }
        ]

        if place.Given.Options.Contains <@ Seeds_First @> then Launch.seedsFirst jobs else jobs

    let whole = planOf place sweep
    let plan = selected place.Given whole

    checkSearch place whole

    if plan.Searches.IsEmpty then
        perform place (fun () -> note place sweep whole) plan jobs (fun () -> None)
    elif not (changed place plan []).IsEmpty then
        // The next trials would depend on altered values.
        3
    else
        let metric = metric place "a search" whole

        /// Records the values of trials and proposes more; None when the search has ended.
        let next () =
            let plan = planOf place sweep

            for search in plan.Searches do
                Search.tell plan.Folder search (fun settings ->
                    let runs = plan.Runs |> List.filter (fun run -> settings |> List.forall (fun text -> List.contains text run.Overrides))
                    // A retired run has no value, as if it had failed.
                    let retired = Retired.read plan.Folder
                    let values = [ for run in runs -> if retired.ContainsKey run.Id then None else Prune.finalValue metric run.Folder ]

                    if
                        runs.IsEmpty || runs |> List.exists (fun run -> not (RunStates.IsSettled run.State || run.State = RunState.Failed))
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

        // A new search has no run yet, so its first plan has no job.
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
    let metric = metric place "confirm" plan
    let options = place.Given.Options
    let altered = changed place plan []
    let plan = { plan with Runs = plan.Runs |> List.filter (fun run -> not (altered.Contains run.Id)) }
    // A retired run has no value, so that its setting does not win by losing its worst seed.
    let retired = Retired.read plan.Folder

    let winners =
        Confirm.winners (options.GetResult(<@ Top @>, 1)) [
            for run in plan.Runs -> run, (if retired.ContainsKey run.Id then None else Prune.finalValue metric run.Folder)
        ]

    if winners.IsEmpty then
        usage "confirm" $"{plan.Sweep} has no winner yet: no setting has completed all its seeds with a value of {metric}."

    let seeds = Confirm.freshSeeds (options.GetResult(<@ Seeds @>, 6)) plan.Runs

    for winner in winners do
        let settings = winner.Head.Overrides |> List.filter (fun text -> not (text.StartsWith "seed="))
        Console.WriteLine $"""winner by {metric}: {String.Join(' ', settings)}"""

    let sweep = Confirm.sweep plan.Sweep seeds winners

    // With a name, because otherwise the experiment would name the folder.
    let plan = planNamed place (Some sweep.Name) sweep

    perform
        place
        (fun () -> note place sweep plan)
        plan
        (fun plan -> [
            for run in plan.Runs do
                if run.State <> RunState.Stale && not (RunStates.IsSettled run.State) then { Run = run; Work = Execute; Try = 1 }
        ])
        (fun () -> None)
