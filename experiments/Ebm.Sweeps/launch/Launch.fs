/// Executes the remaining runs of a plan in processes of their own, so that a crash, a kill or a hang affects only the current run. A process
/// may take further runs after one that was short and ended normally.
///
/// One loop on one thread starts processes, notices their ends and records their outcomes. All state is in the folders, so the same command
/// continues a sweep that was killed.
module Ebm.Sweeps.Launch

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Host
open Ebm.Sweeps.Child

type OnError =
    /// Continues, unless the first runs all fail alike, because the others would probably fail, too.
    | Guarded
    | Continue
    | StopAfter of int

type Settings = {
    /// Runs at the same time.
    Workers: int
    /// Runs at the same time, if the command line gives the number.
    Wanted: int option
    OnError: OnError
    /// Further attempts of a failed run.
    Retry: int
    /// The time limit of one run.
    Timeout: TimeSpan option
    /// After this time, no further run starts.
    MaxTime: TimeSpan option
    /// After this GPU time, summed over runs, no further run starts.
    MaxGpuTime: TimeSpan option
    /// The greatest number of runs to start.
    MaxRuns: int option
    /// The memory limit of one run in bytes.
    Memory: int64 option
    /// The trainings that runs of the folder have done.
    Trained: Set<string>
    /// GPUs by their CUDA numbers, and the number of runs that share one; a run sees its own as cuda:0.
    Gpus: string list
    PerGpu: int
    /// The runs of a worker share one process, which saves start-up time; a crash ends one run and that process.
    Share: bool
    /// A process takes no further run after one that took longer: its start costs little then, and its memory is returned.
    ShareWithin: TimeSpan
    /// A shell command that is executed at the first failure and at the end.
    Notify: string option
    /// Ends hopeless runs early.
    Pruner: Prune.Pruner option
    /// The compiled runner.
    Runner: string
    /// The runner's arguments besides the run's folder.
    Arguments: string list
    /// Further arguments of the runner when it executes a run, as the run starts: a file that they name is there, even if the sweep's folder
    /// was deleted.
    Executing: unit -> string list
}

/// The default settings: one run at a time by this runner, without limits.
let defaults runner = {
    Workers = 1
    Wanted = None
    OnError = Guarded
    Retry = 0
    Timeout = None
    MaxTime = None
    MaxGpuTime = None
    MaxRuns = None
    Memory = None
    Trained = Set.empty
    Gpus = []
    PerGpu = 1
    Share = false
    ShareWithin = TimeSpan.MaxValue
    Notify = None
    Pruner = None
    Runner = runner
    Arguments = []
    Executing = fun () -> []
}

type Snapshot = {
    Active: Child list
    /// Jobs that have ended for good.
    Settled: int
    Total: int
    /// None until an estimate is possible.
    Remaining: Eta.Remaining option
}

/// The display of a launch.
type IDisplay =
    abstract Say: string -> unit
    abstract Began: Job -> unit
    abstract Ended: Outcome * Snapshot -> unit
    /// Several times a second.
    abstract Tick: Snapshot -> unit

// ── Signals ─────────────────────────────────────────────────────────────────────────────────

[<DllImport("libc")>]
extern int private getppid()

/// The inner process of `dotnet fsi` is a child of the outer one; without the outer one, it is an orphan.
let private isOrphan () =
    let words (id: string) =
        try
            (File.ReadAllText $"/proc/{id}/cmdline").Split '\000' |> List.ofArray
        with :? IOException -> []

    match words "self" with
    | _ :: "exec" :: program :: _ when program.EndsWith "fsi.dll" -> not (List.contains "fsi" (words (string (getppid ()))))
    | _ -> false

let private sigint, sigkill, sigterm = 2, 9, 15

/// The exit code of the request to stop, and the number of requests.
type private Stopping() =
    let since = Stopwatch()
    member val Code = None with get, set
    member val Times = 0 with get, set

    /// A signal to the group may arrive twice, once through a parent process, so a repetition within a second does not count.
    member stopping.Ask code =
        lock since (fun () ->
            if stopping.Code.IsNone || since.Elapsed.TotalSeconds > 1.0 then
                if stopping.Code.IsNone then stopping.Code <- Some code
                stopping.Times <- stopping.Times + 1
                since.Restart())

let private listen (stopping: Stopping) (wake: AutoResetEvent) =
    let on (signal: PosixSignal) code =
        PosixSignalRegistration.Create(
            signal,
            fun context ->
                context.Cancel <- true
                stopping.Ask code
                wake.Set() |> ignore
        )

    // SIGUSR1 has no name in .NET; schedulers send it ahead of a time limit.
    [ on PosixSignal.SIGINT 130; on PosixSignal.SIGTERM 143; on (enum<PosixSignal> 10) 138 ]

// ── The loop ────────────────────────────────────────────────────────────────────────────────

/// Executes the user's command; its outcome is ignored. It may contain the token of a service, so what it prints, and what the shell says of
/// it, reaches a terminal but no log.
let private notify (settings: Settings) (folder: string) (event: string) (outcomes: Outcome list) =
    match settings.Notify with
    | None -> ()
    | Some command ->
        let quiet = "exec > /dev/null 2>&1; eval \"$0\""
        let isLogged = Console.IsOutputRedirected || Console.IsErrorRedirected
        let start = ProcessStartInfo("/bin/sh", (if isLogged then [ "-c"; quiet; command ] else [ "-c"; command ]))
        let count state = outcomes |> List.filter (fun outcome -> outcome.State = state) |> List.length
        start.Environment["EBM_EVENT"] <- event
        start.Environment["EBM_SWEEP"] <- string (Path.GetFileName folder)
        start.Environment["EBM_FOLDER"] <- folder

        for state in [ RunState.Completed; RunState.Diverged; RunState.Failed; RunState.Timeout; RunState.Pruned ] do
            start.Environment[$"EBM_{(Kebab.Of state).ToUpperInvariant()}"] <- string (count state)

        try
            use shell = nonNull (Process.Start start)
            shell.WaitForExit(TimeSpan.FromSeconds 30.0) |> ignore
        with Mishap _ ->
            ()

/// The first seed of every setting before any second one, for early results of all settings.
let seedsFirst (jobs: Job list) = jobs |> List.sortBy _.Run.Spec.Seed

/// This number of equal failures, without a success, stops the sweep.
let private guard = 3

/// The time that a run gets for a checkpoint after SIGTERM, when its time limit is over.
let private grace = TimeSpan.FromSeconds 20.0

/// Executes jobs whose runs are in a folder that the caller holds. Returns their outcomes and, if it was asked to stop, the exit code for
/// that.
let launch (settings: Settings) (jobs: Job list) (display: IDisplay) : Outcome list * int option =
    // Not disposed, because a process may report its end after the launch.
    let wake = new AutoResetEvent false
    let stopping = Stopping()
    let listeners = listen stopping wake

    // The same as an interrupt from the keyboard.
    use _ =
        Hold.wishes.Subscribe(fun () ->
            stopping.Ask 130
            wake.Set() |> ignore)

    let parent = if isOrphan () then 0 else getppid ()
    let clock = Stopwatch.StartNew()
    let waiting = LinkedList<Job> jobs
    let active = List<Child>()
    // Shared hosts without a run.
    let idle = List<Host>()
    let outcomes = List<Outcome>()
    let mutable begun = 0
    let mutable pruned = TimeSpan.MinValue
    let mutable signalled = 0
    let mutable halted = false

    let halt says =
        if not halted then
            halted <- true
            if waiting.Count > 0 then
                display.Say $"""{says}; not started: {waiting.Count} of {Ebm.Analysis.Text.counted jobs.Length "run"}."""

    let over () = outcomes |> Seq.filter (fun outcome -> not outcome.WillRetry) |> List.ofSeq

    // Runs that are executed again give no training before they have ended.
    let before =
        (settings.Trained, jobs)
        ||> List.fold (fun trained job -> if job.Work = ExecuteAfresh then trained.Remove job.Run.Training else trained)

    /// The trainings that are done.
    let trained () =
        before
        + set [
            for outcome in outcomes do
                if outcome.State = RunState.Completed && outcome.TrainedBy.IsNone then outcome.Job.Run.Training
        ]

    let twins = jobs |> List.filter (fun job -> job.Work <> Measure) |> List.groupBy _.Run.Training |> dict

    /// Whether a twin trains what this job would train as well, or has trained it and is not completed yet.
    let waits (job: Job) =
        match twins.TryGetValue job.Run.Training with
        | true, (_ :: _ :: _ as twins) when job.Work <> Measure ->
            let others = twins |> List.filter (fun twin -> twin.Run.Id <> job.Run.Id)

            let isTraining (twin: Job) =
                match active |> Seq.tryFind (fun child -> child.Job.Run.Id = twin.Run.Id) with
                | Some child -> child.IsTraining || not ((trained ()).Contains job.Run.Training)
                // A process of an earlier launch, which may still write its checkpoint.
                | None -> Claim.IsHeld twin.Run.Folder

            others |> List.exists isTraining
        | _ -> false

    /// The GPU time of all runs so far, running or ended.
    let gpuTime () =
        let onGpu (job: Job) = not settings.Gpus.IsEmpty || job.Run.Spec.Device <> "cpu"
        let over = outcomes |> Seq.filter (fun outcome -> onGpu outcome.Job) |> Seq.sumBy _.Took.TotalSeconds
        TimeSpan.FromSeconds(over + (active |> Seq.filter (fun child -> onGpu child.Job) |> Seq.sumBy _.Elapsed.TotalSeconds))

    let tally () =
        let failed = over () |> List.filter (fun outcome -> outcome.State = RunState.Failed || outcome.State = RunState.Timeout)

        match settings.OnError with
        | StopAfter limit when failed.Length >= limit -> halt $"stopping after {failed.Length} failed"
        | Guarded when failed.Length = guard && outcomes.Count = guard && (failed |> List.distinctBy _.Reason |> List.length) = 1 ->
            halt $"the first {guard} runs all failed alike (--on-error continue goes on nevertheless)"
        | _ -> ()

    // The display is updated when a run has ended, and once a second.
    let mutable told = -1, TimeSpan.Zero, None

    let remaining () =
        match told with
        | ended, since, known when ended = outcomes.Count && clock.Elapsed - since < TimeSpan.FromSeconds 1.0 -> known
        | _ ->
            let took = [
                for outcome in over () do
                    if outcome.State = RunState.Completed && outcome.Took > TimeSpan.Zero then
                        let run = outcome.Job.Run
                        if outcome.TrainedBy.IsNone && outcome.Job.Work <> Measure then (run, true), outcome.Took
                        (run, false), outcome.After
            ]
            let all = List.ofSeq (Seq.append (active |> Seq.map _.Job) waiting)

            let begun, left =
                [
                    for job, (run, trains) in List.zip all (sharing (trained ()) [ for job in all -> job.Run ]) ->
                        run, trains && job.Work <> Measure
                ]
                |> List.splitAt active.Count
            let active: Eta.Active<_> list = [
                for child, run in Seq.zip active begun -> { Run = run; Elapsed = child.Elapsed; Whole = child.Whole }
            ]
            let known = Eta.remaining settings.Workers took active left
            told <- outcomes.Count, clock.Elapsed, known
            known

    let snapshot () = { Active = List.ofSeq active; Settled = (over ()).Length; Total = jobs.Length; Remaining = remaining () }

    /// Records an outcome without executing the run.
    let settled (job: Job) state reason =
        let outcome = {
            Job = job
            State = state
            Reason = reason
            Took = TimeSpan.Zero
            After = TimeSpan.Zero
            TrainedBy = None
            LogEnd = []
            Log = ""
            WillRetry = false
        }
        outcomes.Add outcome
        display.Ended(outcome, snapshot ())

    /// The GPU with the fewest runs: Some None if runs share no GPUs, None if no GPU is free.
    let freeGpu () =
        if settings.Gpus.IsEmpty then
            Some None
        else
            let load gpu = active |> Seq.filter (fun child -> child.Gpu = Some gpu) |> Seq.length
            let gpu = settings.Gpus |> List.minBy load
            if load gpu < settings.PerGpu then Some(Some gpu) else None

    let woken () = wake.Set() |> ignore

    /// The process for a job: a separate one, or a shared one that is idle or new.
    let hostOf (job: Job) gpu (words: string list) =
        let threads = job.Run.Spec.Threads
        let executing = settings.Executing()

        if job.Work = Measure then
            Host(settings.Runner, words @ settings.Arguments, threads, gpu, false, woken)
        // The words for a shared host are separated by tabs and line breaks.
        elif not settings.Share || words |> List.exists (Seq.exists Char.IsControl) then
            Host(settings.Runner, words @ settings.Arguments @ executing, threads, gpu, false, woken)
        else
            let free = idle |> Seq.tryFind (fun host -> host.Threads = threads && host.Gpu = gpu && not host.HasExited)
            let host =
                free
                |> Option.defaultWith (fun () ->
                    Host(settings.Runner, "serve" :: settings.Arguments @ executing, threads, gpu, true, woken))
            idle.Remove host |> ignore
            host

    /// Starts the first waiting job whose training no twin does now, and that no other process executes: after a crash, a run of the last sweep
    /// may still write its checkpoint.
    /// False if there is none.
    let begin' () =
        match waiting |> Seq.tryFind (fun job -> not (waits job || Claim.IsHeld job.Run.Folder)), freeGpu () with
        | None, _
        | _, None -> false
        | Some job, _ when job.Work = Execute && RunStates.IsSettled(fst (stateOf job.Run.Folder)) ->
            // It was still running when the plan was made, and has completed since.
            waiting.Remove job |> ignore
            let state, reason = stateOf job.Run.Folder
            settled job state reason
            true
        | Some job, Some gpu ->
            waiting.Remove job |> ignore

            try
                begun <- begun + 1
                active.Add(Child(job, hostOf job gpu, woken))
                display.Began job
                true
            with
            | :? TakenException ->
                waiting.AddLast job |> ignore
                false
            | Mishap says ->
                // The disk is full, or the run's folder is damaged; other runs may succeed.
                settled job RunState.Failed (Some $"it could not be started: {says}")
                tally ()
                true

    let finish (child: Child) =
        active.Remove child |> ignore
        let mayRetry = child.Job.Try <= settings.Retry && stopping.Code.IsNone
        let outcome = child.Settle(stopping.Code.IsSome, mayRetry)
        // A host that was told to end, or whose run failed, is not used again.
        if not child.Host.HasExited && child.Verdict.IsNone && stopping.Code.IsNone then
            let isSound = outcome.State = RunState.Completed || outcome.State = RunState.Diverged
            if isSound && outcome.Took <= settings.ShareWithin then idle.Add child.Host else child.Host.Dismiss()
        let isFirst = outcomes |> Seq.forall (fun before -> before.State <> RunState.Failed && before.State <> RunState.Timeout)
        outcomes.Add outcome

        if isFirst && (outcome.State = RunState.Failed || outcome.State = RunState.Timeout) then
            notify settings (string (Path.GetDirectoryName child.Job.Run.Folder)) "first-failure" (List.ofSeq outcomes)

        if outcome.WillRetry then waiting.AddLast { child.Job with Try = child.Job.Try + 1 } |> ignore
        display.Ended(outcome, snapshot ())
        tally ()

    let stop () =
        if stopping.Times > signalled then
            let signal =
                if signalled > 0 then sigkill
                elif stopping.Code = Some 130 then sigint
                else sigterm

            if signal = sigkill then
                display.Say "ending the runs at once."
            elif active.Count > 0 then
                display.Say
                    $"""stopping: {Ebm.Analysis.Text.counted active.Count "run"} to write a checkpoint first; once more ends them at once."""

            signalled <- stopping.Times
            waiting.Clear()

            for child in active do
                child.Signal signal

    /// Ends runs that use too much memory, take too long or are pruned, each with its reason.
    let watch () =
        for child in active do
            match settings.Memory, settings.Timeout with
            | Some limit, _ when child.Verdict.IsNone && child.Memory > limit ->
                let gigabytes (bytes: int64) = (float bytes / 1073741824.0).ToString("G3", Globalization.CultureInfo.InvariantCulture)
                child.Verdict <-
                    Some(RunState.Failed, $"out of memory: it held {gigabytes child.Memory} GB, and --memory allows {gigabytes limit}")
                child.Signal sigkill
            | _, Some limit when child.Elapsed > limit + grace -> child.Signal sigkill
            | _, Some limit when child.Elapsed > limit && child.Verdict.IsNone ->
                child.Verdict <- Some(RunState.Timeout, $"it was not finished after {limit.TotalSeconds} s")
                child.Signal sigterm
            | _ -> ()

        match settings.Pruner with
        | Some pruner when stopping.Code.IsNone && clock.Elapsed > pruned + TimeSpan.FromSeconds 1.0 ->
            pruned <- clock.Elapsed

            let hopeless = Map.ofList (pruner.Hopeless([ for child in active -> child.Job.Run ], [ for job in waiting -> job.Run ]))

            for child in active do
                match hopeless.TryFind child.Job.Run.Id with
                | Some why when child.Verdict.IsNone ->
                    child.Verdict <- Some(RunState.Pruned, why)
                    child.Signal sigterm
                | _ -> ()

            for job in List.ofSeq waiting do
                match hopeless.TryFind job.Run.Id with
                | Some why ->
                    waiting.Remove job |> ignore

                    try
                        Child.leaveOut job why
                        settled job RunState.Pruned (Some why)
                    with
                    | :? TakenException -> waiting.AddLast job |> ignore
                    | Mishap says -> settled job RunState.Failed (Some $"it could not be recorded as pruned: {says}")
                | None -> ()
        | _ -> ()

    try
        while active.Count > 0 || (waiting.Count > 0 && not halted) do
            // The outer process of `dotnet fsi` may be killed without a signal to this one.
            if stopping.Code.IsNone && getppid () <> parent then stopping.Ask 143
            stop ()

            watch ()

            match settings.MaxTime with
            | Some limit when clock.Elapsed > limit -> halt "the time limit for starting runs (--max-time) is over"
            | _ -> ()

            match settings.MaxGpuTime with
            | Some limit when gpuTime () > limit -> halt "the GPU time for starting runs is used up"
            | _ -> ()

            match settings.MaxRuns with
            | Some most when begun >= most && waiting.Count > 0 ->
                halt $"""the limit of {Ebm.Analysis.Text.counted most "started run"} is reached"""
            | _ -> ()

            let mayBegin () = not halted && stopping.Code.IsNone && settings.MaxRuns |> Option.forall (fun most -> begun < most)

            while mayBegin () && active.Count < settings.Workers && begin' () do
                ()

            // Memory can grow fast, so a memory limit needs frequent checks.
            wake.WaitOne(if settings.Memory.IsSome then 50 else 250) |> ignore

            for child in active |> Seq.filter _.HasEnded |> List.ofSeq do
                if child.FoundTaken && stopping.Code.IsNone then
                    // Another sweep started this run first, so this one waits for it.
                    active.Remove child |> ignore
                    waiting.AddLast child.Job |> ignore
                else
                    finish child

            display.Tick(snapshot ())
    finally
        for host in idle do
            host.Dismiss()

        // On any error, no run outlives its sweep.
        for child in active do
            child.Signal sigterm

        for listener in listeners do
            listener.Dispose()

    match jobs with
    | first :: _ -> notify settings (string (Path.GetDirectoryName first.Run.Folder)) "finished" (over ())
    | [] -> ()

    List.ofSeq outcomes, stopping.Code
