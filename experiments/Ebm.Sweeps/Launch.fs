/// Runs what a plan leaves to do: one process a run, so that a crash, a kill or a hang touches that run only.
///
/// One loop on one thread starts processes, notices their ends and settles what each left behind. The folders say everything: a
/// sweep that is killed and typed again goes on. While it works it holds a lock on the sweep's folder and `sweep.pid` names it.
module Ebm.Sweeps.Launch

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Threading
open System.Threading.Tasks
open Ebm.Core
open Ebm.Records
open Ebm.Sweeps.Plan

type OnError =
    /// Go on, unless the first runs all fail alike: then something is wrong with all of them.
    | Guarded
    | Continue
    | StopAfter of int

type Settings = {
    /// Runs at once.
    Workers: int
    OnError: OnError
    /// Attempts after a failed one.
    Retry: int
    /// For one run.
    Timeout: TimeSpan option
    /// After so long no further run starts.
    MaxTime: TimeSpan option
    /// The compiled runner.
    Runner: string
    /// What it is told besides the run's folder.
    Arguments: string list
}

/// A run at work.
type Active = {
    Run: PlannedRun
    Process: Process
    Logs: Task
    Clock: Stopwatch
    Attempt: int
    /// Steps that were done when it began, out of checkpoints of earlier attempts.
    mutable Before: float option
    /// Between 0 and 1; unknown at first.
    mutable Fraction: float option
    mutable Ended: bool
}

type Outcome = {
    Run: PlannedRun
    State: string
    Reason: string option
    Took: TimeSpan
    /// What the logs end with; empty for a run that ended as it should.
    LogEnd: string list
    Log: string
    WillRetry: bool
}

type Snapshot = {
    Active: Active list
    Outcomes: Outcome list
    Waiting: int
    Total: int
    /// Unknown until something tells.
    Remaining: TimeSpan option
}

/// Where a launch says what happens.
type IDisplay =
    abstract Say: string -> unit
    abstract Began: PlannedRun -> unit
    abstract Ended: Outcome * Snapshot -> unit
    /// Several times a second.
    abstract Tick: Snapshot -> unit

// ── One sweep a folder ──────────────────────────────────────────────────────────────────────

let private lockFile folder = Path.Combine(folder, "sweep.lock")
let private pidFile folder = Path.Combine(folder, "sweep.pid")

/// Whether a sweep is at work in a folder. Writes nothing: its lock is tried, shared, and let go.
let isAlive (folder: string) =
    File.Exists(lockFile folder)
    && (try
            use _ = new FileStream(lockFile folder, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
            false
        with :? IOException ->
            true)

/// Holds the folder until it is disposed, or the process is gone, however it went. Throws ConfigException when another has it.
let private hold (folder: string) =
    Directory.CreateDirectory folder |> ignore

    try
        let held = new FileStream(lockFile folder, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        File.WriteAllText(pidFile folder, $"{Environment.ProcessId}\n")

        {
            new IDisposable with
                member _.Dispose() =
                    File.Delete(pidFile folder)
                    held.Dispose()
        }
    with :? IOException ->
        let who = if File.Exists(pidFile folder) then $" (process {(File.ReadAllText(pidFile folder)).Trim()})" else ""

        Compose.fail
            (Source.Of folder)
            ""
            $"a sweep is at work in this folder already{who}; wait for it, stop it, or choose another name with --name."

// ── Signals ─────────────────────────────────────────────────────────────────────────────────

[<DllImport("libc", SetLastError = true)>]
extern int private kill(int pid, int signal)

[<DllImport("libc")>]
extern int private getppid()

let private sigint, sigkill, sigterm = 2, 9, 15

/// Asked to stop: 128 + the signal, and how often.
type private Stopping() =
    member val Code = None with get, set
    member val Times = 0 with get, set

let private listen (stopping: Stopping) (wake: AutoResetEvent) =
    let on (signal: PosixSignal) code =
        PosixSignalRegistration.Create(
            signal,
            fun context ->
                context.Cancel <- true
                if stopping.Code.IsNone then stopping.Code <- Some code
                stopping.Times <- stopping.Times + 1
                wake.Set() |> ignore
        )

    // SIGUSR1 has no name in .NET; schedulers send it ahead of a time limit.
    [ on PosixSignal.SIGINT 130; on PosixSignal.SIGTERM 143; on (enum<PosixSignal> 10) 138 ]

// ── One run ─────────────────────────────────────────────────────────────────────────────────

let private copy (source: Stream) (path: string) : Task = task {
    // Unbuffered: who watches the log sees what was said.
    use file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, 1)
    do! source.CopyToAsync file
}

let private start (settings: Settings) attempt (run: PlannedRun) (ended: unit -> unit) =
    let folder = RunFolder.Create(Path.GetDirectoryName(run.Folder) |> string, run.Id, run.Config, run.Hashed)
    folder.NextAttempt() |> ignore
    let info = ProcessStartInfo(settings.Runner, "exec" :: folder.Path :: settings.Arguments)
    info.RedirectStandardOutput <- true
    info.RedirectStandardError <- true
    info.RedirectStandardInput <- true

    for KeyValue(name, value) in Machine.Environs run.Spec.Threads do
        info.Environment[name] <- value

    let child = new Process(StartInfo = info, EnableRaisingEvents = true)
    child.Exited.Add(fun _ -> ended ())
    child.Start() |> ignore
    child.StandardInput.Close()

    let logs =
        Task.WhenAll(
            copy child.StandardOutput.BaseStream (folder.In "stdout.log"),
            copy child.StandardError.BaseStream (folder.In "stderr.log")
        )

    {
        Run = run
        Process = child
        Logs = logs
        Clock = Stopwatch.StartNew()
        Attempt = attempt
        Before = None
        Fraction = None
        Ended = false
    }

let private tail (path: string) (lines: int) =
    if not (File.Exists path) then
        []
    else
        use file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        file.Seek(-(min file.Length 65536L), SeekOrigin.End) |> ignore
        use reader = new StreamReader(file)
        let all = reader.ReadToEnd().TrimEnd().Split '\n' |> Array.map _.TrimEnd() |> Array.filter ((<>) "")
        all |> Array.skip (max 0 (all.Length - lines)) |> List.ofArray

/// The last step and units that training recorded, from the end of events.jsonl.
let private recorded (folder: string) =
    let number (name: string) (line: string) =
        let found = RegularExpressions.Regex.Match(line, $"\"{name}\":([-0-9.eE+]+)")

        match found.Success, Double.TryParse(found.Groups[1].Value, Globalization.CultureInfo.InvariantCulture) with
        | true, (true, value) -> Some value
        | _ -> None

    // The last line may be torn.
    match tail (Path.Combine(folder, "events.jsonl")) 50 |> List.rev with
    | _ :: lines -> lines |> List.tryPick (number "step"), lines |> List.tryFind _.Contains("\"units\"") |> Option.bind (number "value")
    | [] -> None, None

let private fractionOf (run: PlannedRun) =
    let share (limit: Nullable<int64>) (done': float option) =
        match Option.ofNullable limit, done' with
        | Some limit, Some done' -> Some(min 1.0 (done' / float limit))
        | _ -> None

    let step, units = recorded run.Folder

    match share run.Spec.Train.Steps step, share run.Spec.Train.Budget units with
    | Some one, Some other -> Some(max one other)
    | one, other -> Option.orElse other one

/// What a child that is gone left behind, written down where the child could not do it itself.
let private settle (active: Active) (overran: TimeSpan option) (stopped: bool) (mayRetry: bool) : Outcome =
    active.Logs.Wait(TimeSpan.FromSeconds 2.0) |> ignore
    let folder = RunFolder.Open active.Run.Folder
    let code = active.Process.ExitCode
    let signal = if code > 128 && code < 160 then Nullable(code - 128) else Nullable()
    let errors = tail (folder.In "stderr.log") 20
    let errors = if errors.IsEmpty then tail (folder.In "stdout.log") 20 else errors

    let manifest =
        match folder.Manifest with
        | null ->
            RunManifest(
                State = RunState.Running,
                RunId = active.Run.Id,
                GroupId = active.Run.Group,
                SweepId = folder.Sweep,
                Seed = active.Run.Spec.Seed,
                ConfigSha256 = folder.ConfigSha256,
                Attempt = active.Attempt
            )
        | manifest -> manifest

    let rewrite state (reason: string) =
        let ended = manifest.Ended(state, manifest.Step, reason, Nullable code, signal)
        folder.Write ended
        ended

    let ended =
        if overran.IsSome && manifest.State <> RunState.Completed then
            rewrite RunState.Timeout $"it was not done after {overran.Value.TotalSeconds} s"
        elif manifest.State <> RunState.Running then
            manifest
        elif stopped then
            rewrite RunState.Interrupted "it was ended before it could write a checkpoint"
        else
            let last = errors |> List.tryLast |> Option.map (fun line -> ": " + line) |> Option.defaultValue ""

            if signal.HasValue then
                rewrite RunState.Failed $"signal {signal.Value} ended it{last}"
            else
                rewrite RunState.Failed $"it ended with exit code {code}{last}"

    let failed = ended.State = RunState.Failed || ended.State = RunState.Timeout

    {
        Run = active.Run
        State = ended.State
        Reason = Option.ofObj ended.Reason
        Took = active.Clock.Elapsed
        LogEnd = if failed then errors else []
        Log = folder.In "stderr.log"
        WillRetry = failed && mayRetry
    }

// ── How long still ──────────────────────────────────────────────────────────────────────────

/// What remains, were the waiting runs to take what the others took: the runs are dealt to the workers as they come free.
let private remaining workers (active: Active list) (took: TimeSpan list) waiting =
    let total (run: Active) =
        match run.Fraction, run.Before with
        | Some fraction, Some before when fraction - before > 0.03 ->
            let elapsed = run.Clock.Elapsed.TotalSeconds
            Some(elapsed, elapsed * (1.0 - before) / (fraction - before))
        | _ -> None

    let known = (took |> List.map _.TotalSeconds) @ (active |> List.choose (total >> Option.map snd))

    if known.IsEmpty then
        None
    else
        let typical = known |> List.sort |> List.item (known.Length / 2)

        let busy =
            active
            |> List.map (fun run ->
                match total run with
                | Some(elapsed, whole) -> max 0.0 (whole - elapsed)
                | None -> max 0.0 (typical - run.Clock.Elapsed.TotalSeconds))

        let free = PriorityQueue<int, float>()
        busy |> List.iteri (fun i ends -> free.Enqueue(i, ends))

        for i in busy.Length .. workers - 1 do
            free.Enqueue(i, 0.0)

        let mutable last = 0.0 :: busy |> List.max

        for _ in 1..waiting do
            let mutable worker, ends = 0, 0.0
            free.TryDequeue(&worker, &ends) |> ignore
            last <- max last (ends + typical)
            free.Enqueue(worker, ends + typical)

        Some(TimeSpan.FromSeconds last)

// ── The loop ────────────────────────────────────────────────────────────────────────────────

/// How many alike failures, and nothing else, say that the others would fail too.
let private guard = 3

/// Runs these runs of the plan. Returns their outcomes and, when it was told to stop, the exit code for that. `prepare` is called
/// once the folder is held: nothing may be touched that another sweep is at work on.
let launch
    (settings: Settings)
    (folder: string)
    (todo: PlannedRun list)
    (prepare: unit -> unit)
    (display: IDisplay)
    : Outcome list * int option =
    use _ = hold folder
    prepare ()
    use wake = new AutoResetEvent false
    let stopping = Stopping()
    let listeners = listen stopping wake
    let parent = getppid ()
    let clock = Stopwatch.StartNew()
    let waiting = Queue<PlannedRun * int>(todo |> List.map (fun run -> run, 1))
    let active = List<Active>()
    let outcomes = List<Outcome>()
    let timedOut = HashSet<string>()
    let mutable signalled = 0
    let mutable halted = false

    let halt says =
        if not halted then
            halted <- true
            if waiting.Count > 0 then display.Say $"{says}; {waiting.Count} of {todo.Length} runs are not started."

    let failures () =
        outcomes
        |> Seq.filter (fun outcome -> not outcome.WillRetry && (outcome.State = RunState.Failed || outcome.State = RunState.Timeout))
        |> List.ofSeq

    let judge () =
        match settings.OnError with
        | StopAfter limit when failures().Length >= limit -> halt $"stopping after {failures().Length} failed"
        | Guarded ->
            let failed = failures ()

            if failed.Length = guard && outcomes.Count = guard && (failed |> List.distinctBy _.Reason).Length = 1 then
                halt $"the first {guard} runs all failed alike (--on-error continue goes on nevertheless)"
        | _ -> ()

    let snapshot () = {
        Active = List.ofSeq active
        Outcomes = List.ofSeq outcomes
        Waiting = waiting.Count
        Total = todo.Length
        Remaining =
            remaining
                settings.Workers
                (List.ofSeq active)
                (outcomes |> Seq.filter (fun o -> o.State = RunState.Completed) |> Seq.map _.Took |> List.ofSeq)
                waiting.Count
    }

    let look (run: Active) =
        run.Fraction <- fractionOf run.Run
        if run.Before.IsNone then run.Before <- Some(run.Fraction |> Option.defaultValue 0.0)

    let begin' () =
        let run, attempt = waiting.Dequeue()
        let started = start settings attempt run (fun () -> wake.Set() |> ignore)
        look started
        active.Add started
        display.Began run

    let finish (ended: Active) =
        active.Remove ended |> ignore
        let overran = settings.Timeout |> Option.filter (fun _ -> timedOut.Remove ended.Run.Id)
        let mayRetry = ended.Attempt <= settings.Retry && stopping.Code.IsNone
        let outcome = settle ended overran stopping.Code.IsSome mayRetry
        ended.Process.Dispose()
        outcomes.Add outcome
        if outcome.WillRetry then waiting.Enqueue(ended.Run, ended.Attempt + 1)
        display.Ended(outcome, snapshot ())
        judge ()

    let stop () =
        if stopping.Times > signalled then
            let signal =
                if signalled > 0 then sigkill
                elif stopping.Code = Some 130 then sigint
                else sigterm

            if signal = sigkill then
                display.Say "ending the runs at once."
            elif active.Count > 0 then
                display.Say $"stopping: {active.Count} runs write a checkpoint first; once more ends them at once."

            signalled <- stopping.Times
            waiting.Clear()

            for run in active do
                kill (run.Process.Id, signal) |> ignore

    try
        while active.Count > 0 || (waiting.Count > 0 && not halted) do
            if stopping.Code.IsNone && getppid () <> parent then
                stopping.Code <- Some 143
                stopping.Times <- 1

            stop ()

            match settings.MaxTime with
            | Some limit when clock.Elapsed > limit -> halt $"the time for starting runs is over"
            | _ -> ()

            while not halted && stopping.Code.IsNone && waiting.Count > 0 && active.Count < settings.Workers do
                begin' ()

            wake.WaitOne 250 |> ignore

            for ended in active |> Seq.filter _.Process.HasExited |> List.ofSeq do
                finish ended

            for run in active do
                look run

                match settings.Timeout with
                | Some limit when run.Clock.Elapsed > limit + TimeSpan.FromSeconds 20.0 && timedOut.Contains run.Run.Id ->
                    kill (run.Process.Id, sigkill) |> ignore
                | Some limit when run.Clock.Elapsed > limit && timedOut.Add run.Run.Id -> kill (run.Process.Id, sigterm) |> ignore
                | _ -> ()

            display.Tick(snapshot ())
    finally
        // Whatever went wrong here, no run outlives its sweep.
        for run in active do
            kill (run.Process.Id, sigterm) |> ignore

        for listener in listeners do
            listener.Dispose()

    List.ofSeq outcomes, stopping.Code
