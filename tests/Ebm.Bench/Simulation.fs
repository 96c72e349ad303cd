/// A discrete-event simulation of a sweep on many machines that share a folder: a plan, a scheduler's queue, nodes that execute runs, and everything
/// that goes wrong there. The planner, the claims, the attempts, the records and the status are the project's own code; only nodes, time, faults
/// and what a run computes are simulated.
///
/// What must hold: at the end every run is completed, with the records of an undisturbed run; no manifest of a completed run is ever replaced; and
/// at any time the status counts exactly the runs that have completed.
module Ebm.Bench.Simulation

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps
open Ebm.Bench.SharedFolder

/// How often what goes wrong.
type Faults = {
    /// The chance that a process ends at a call to the file system, as by a power failure.
    Kill: float
    /// The chance that it pauses there, for a few milliseconds.
    Pause: float
    /// The chance that it is suspended there, for longer than a lease.
    Suspend: float
    /// The chance that a task is preempted: it writes a checkpoint and is queued again.
    Preempt: float
    /// The chance that a run fails.
    Fail: float
    /// The chance that the scheduler starts a task a second time, while the first process works.
    Duplicate: float
    /// The most by which the clock of a machine differs from that of the file server.
    Skew: TimeSpan
    /// How long machines see what they have seen before.
    Stale: TimeSpan
    /// How long the disk is full, once.
    Full: TimeSpan
}

let noFaults = {
    Kill = 0.0
    Pause = 0.0
    Suspend = 0.0
    Preempt = 0.0
    Fail = 0.0
    Duplicate = 0.0
    Skew = TimeSpan.Zero
    Stale = TimeSpan.Zero
    Full = TimeSpan.Zero
}

/// Everything that goes wrong on a cluster, often.
let everyFault = {
    Kill = 0.0005
    Pause = 0.01
    Suspend = 0.0005
    Preempt = 0.1
    Fail = 0.05
    Duplicate = 0.2
    Skew = TimeSpan.FromMinutes 5.0
    Stale = TimeSpan.FromSeconds 30.0
    Full = TimeSpan.FromMinutes 1.0
}

/// A sweep of 40 runs.
let fewRuns = [ "experiment=rings"; "method=joint-cd"; "train.steps=6"; "seed=seeds(40)" ]

type Report = {
    Runs: int
    /// Attempts that began.
    Attempts: int
    Killed: int
    Suspended: int
    Preempted: int
    Failed: int
    Duplicates: int
    /// Processes that were refused, because another one executes the run.
    Refused: int
    /// Processes whose late writes were refused.
    Fenced: int
    /// Launches until no run was left to do.
    Launches: int
    /// From the first event to the last.
    Took: TimeSpan
    /// Promises that were broken.
    Violations: string list
}

/// Steps of a run, and steps between two checkpoints.
let private steps, every = 4L, 2L

let private sweep = "bench"
let private stepTime = TimeSpan.FromSeconds 20.0

/// A sweep that takes longer than this does not end.
let private longest = TimeSpan.FromDays 10.0

let private seconds (value: float) = TimeSpan.FromSeconds value

/// What a run computes: its events and its metric depend on the run and the step only.
let private event id (step: int64) = Event(step, "energy/gap", float (Canonical.Sha256($"{id} {step}")[0]) + float step)

let private result id = Measurement("grid-kl", float (Canonical.Sha256(id: string)[0]), "nats", Direction.Lower)

let private resumes (run: RunFolder) =
    if run.Settle "checkpoint" then
        use json = JsonDocument.Parse(RegularFile.Text(run.In("checkpoint", "state.json"), RegularFile.Record))
        json.RootElement.GetProperty("step").GetInt64()
    else
        0L

let private save (run: RunFolder) (step: int64) =
    run.Flush()
    run.Replace("checkpoint", fun at -> AtomicFile.Write(Path.Combine(at, "state.json"), $"{{\"step\": {step}}}"))

type private Task = { Run: string; mutable Word: string }

type private Node = { Machine: string; Skew: TimeSpan; mutable Processes: int }

/// Simulates a sweep until no run is left to do. `claims` takes a run's folder for a process; `looks` is how often the status is compared with the
/// truth; `after` gets the sweep's folder at the end.
let simulated
    (claims: string -> IDisposable * RunFolder)
    configs
    (words: string list)
    (nodes: int)
    (faults: Faults)
    (looks: int)
    (after: string -> unit)
    (seed: int)
    : Report =
    let random = Random seed
    let chance p = p > 0.0 && random.NextDouble() < p
    let between low high = seconds (low + (high - low) * random.NextDouble())
    let start = DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc)
    let future = Future start
    let shared = SharedFolder(future, $"/simulated-{Guid.NewGuid():n}/", faults.Stale)
    use _ = Disk.Mount shared
    let violations = ResizeArray<string>()
    let broken says = if violations.Count < 20 then violations.Add $"at {future.Now:``HH:mm:ss``}, {says}"
    let mutable attempts, killed, suspended, preempted, failed = 0, 0, 0, 0, 0
    let mutable duplicates, refused, fenced, launches = 0, 0, 0, 0

    // ── Truth ───────────────────────────────────────────────────────────────────────────────

    let completed = HashSet<string>()

    shared.Moved <-
        fun (path, bytes) ->
            if
                path.EndsWith("/manifest.json", StringComparison.Ordinal) && not (path.Contains "/attempts/") && not (path.Contains "/.")
            then
                let id = string (Path.GetFileName(string (Path.GetDirectoryName path)))
                if completed.Contains id then broken $"the manifest of {id} is replaced, which has completed"
                let start = Text.Encoding.UTF8.GetString(bytes, 0, min 60 bytes.Length)
                if start.Contains "\"completed\"" then completed.Add id |> ignore

    // ── Processes ───────────────────────────────────────────────────────────────────────────

    /// Executes a part of a process in which faults happen. False if the process has ended in it.
    let inProcess (by: Process) (suspends: unit -> unit) (work: unit -> unit) =
        by.Reached <-
            fun () ->
                if chance faults.Kill then
                    killed <- killed + 1
                    by.IsDead <- true
                    raise Killed

                let pause =
                    if chance faults.Suspend then
                        suspended <- suspended + 1
                        suspends ()
                        Some(between 150.0 600.0)
                    elif chance faults.Pause then
                        Some(between 0.001 0.1)
                    else
                        None

                match pause with
                | Some time ->
                    by.IsPaused <- true
                    future.Pause time
                    by.IsPaused <- false
                | None -> ()

        try
            work ()
            true
        with Killed ->
            false

    // ── The scheduler ───────────────────────────────────────────────────────────────────────

    let queue = Queue<Task>()
    let free = Queue<Node>()
    let tasks = Dictionary<string, Task>()
    let mutable left = 0

    for i in 1..nodes do
        free.Enqueue { Machine = $"node{i}"; Skew = faults.Skew * (2.0 * random.NextDouble() - 1.0); Processes = 0 }

    let rec dispatch () =
        if queue.Count > 0 && free.Count > 0 then
            execute (queue.Dequeue()) (free.Dequeue()) 0
            dispatch ()

    and requeue (task: Task) =
        task.Word <- "PENDING"
        queue.Enqueue task
        dispatch ()

    /// Queues a task again, although it is not over.
    and twice (task: Task) most =
        duplicates <- duplicates + 1
        left <- left + 1
        future.After(between 0.0 most, (fun () -> requeue { Run = task.Run; Word = "PENDING" }))

    and ended (task: Task) word =
        task.Word <- word
        left <- left - 1
        if left = 0 then future.After(seconds 60.0, launch)

    and idle (node: Node) (delay: TimeSpan) =
        future.After(
            delay,
            fun () ->
                free.Enqueue node
                dispatch ()
        )

    /// A process of a task, which waits while another one has the run.
    and execute (task: Task) (node: Node) (tries: int) =
        node.Processes <- node.Processes + 1
        let by, place = shared.Start(node.Machine, node.Processes, node.Skew)
        let path = $"{place}/runs/{sweep}/{task.Run}"
        task.Word <- "RUNNING"

        // The scheduler takes the node for lost, and starts the task elsewhere.
        let mutable wasSuspended = false

        let suspends () =
            wasSuspended <- true
            twice task 600.0

        let over next =
            shared.End by
            next ()

        // The node is gone; the scheduler notices after some time, and starts the task elsewhere.
        let died () =
            over (fun () ->
                future.After(between 30.0 200.0, fun () -> requeue task)
                idle node (seconds 300.0))

        let finished word =
            over (fun () ->
                ended task word
                idle node TimeSpan.Zero)

        let again delay =
            over (fun () ->
                future.After(delay, fun () -> requeue task)
                idle node TimeSpan.Zero)

        /// The parts of the process in order, each after some time.
        let rec go (after: TimeSpan) (part: unit -> (TimeSpan * (unit -> unit)) option) =
            future.After(
                after,
                fun () ->
                    // The renewal of its lease may have been suspended, and with it the whole process.
                    if by.IsPaused then go (seconds 1.0) part else perform part
            )

        and perform part =
            let mutable next = None

            let lives =
                inProcess by suspends (fun () ->
                    try
                        next <- part ()
                    with
                    | :? TakenException ->
                        refused <- refused + 1
                        next <- Some(TimeSpan.Zero, (fun () -> if tries < 20 then again (seconds 20.0) else finished "FAILED"))
                    | :? FencedException ->
                        fenced <- fenced + 1
                        if not wasSuspended then broken $"{by.Name} has lost {task.Run} while it worked"
                        next <- Some(TimeSpan.Zero, (fun () -> again (seconds 20.0)))
                    | :? IOException as error ->
                        // A manifest cannot be written on a full disk, so the process just ends. A process that pauses there sees the error later.
                        if not (error.Message.StartsWith("No space left", StringComparison.Ordinal)) then
                            broken $"{task.Run} failed: {error}"
                        next <- Some(TimeSpan.Zero, died))

            match next with
            | _ when not lives -> died ()
            | Some(delay, next) -> future.After(delay, next)
            | None -> ()

        go TimeSpan.Zero (fun () ->
            let claim, run = claims path
            let attempt = Attempt run

            if not (attempt.Follows()) then
                claim.Dispose()
                Some(TimeSpan.Zero, (fun () -> finished "COMPLETED"))
            else
                attempts <- attempts + 1
                let step = attempt.Clear()
                let last = attempt.Last

                let manifest =
                    RunManifest(
                        State = RunState.Running,
                        RunId = run.Id,
                        GroupId =
                            (match last with
                             | null -> ""
                             | last -> last.GroupId),
                        SweepId = run.Sweep,
                        Step = step,
                        ConfigSha256 = run.ConfigSha256,
                        Timing = Timing(Started = Disk.Now path),
                        Attempt = attempt.Number()
                    )

                run.Write manifest
                let start = resumes run
                run.Truncate(start, start)

                let close (manifest: RunManifest) word =
                    run.Write manifest
                    claim.Dispose()
                    Some(TimeSpan.Zero, word)

                let rec train (at: int64) () =
                    let till = min steps (at + every)
                    run.Append [ for step in at + 1L .. till -> event run.Id step ]
                    save run till

                    if till = steps then
                        Some(stepTime, (fun () -> go TimeSpan.Zero (measure till)))
                    else
                        run.Write(manifest.Ended(RunState.Running, till))

                        if chance faults.Preempt then
                            preempted <- preempted + 1
                            close (manifest.Ended(RunState.Preempted, till, "stopped by SIGTERM", 143, 15)) (fun () -> again (seconds 5.0))
                        elif chance faults.Fail then
                            failed <- failed + 1
                            close (manifest.Ended(RunState.Failed, till, "it failed", 1)) (fun () -> finished "FAILED")
                        else
                            Some(float every * stepTime, (fun () -> go TimeSpan.Zero (train till)))

                and measure till () =
                    run.Write [ result run.Id ]
                    close (manifest.Ended(RunState.Completed, till)) (fun () -> finished "COMPLETED")

                Some(float every * stepTime, (fun () -> go TimeSpan.Zero (train start))))

        if chance faults.Duplicate then twice task 150.0

    // ── Launches ────────────────────────────────────────────────────────────────────────────

    and launch () =
        launches <- launches + 1
        let by, place = shared.Start("login", launches, TimeSpan.Zero)
        let told = tasks

        let plan =
            Plan.plan
                {
                    Composer = Compose.Composer(Configs.Configs configs, "sweep")
                    Catalog = Catalog.Load []
                    Runs = place + "/runs"
                    Name = Some sweep
                    Stale = fun _ -> None
                    Heard = fun _ _ state -> state
                    Asked = Search.asked
                }
                { Declare.sweep sweep with Parts = [ words |> List.map Overrides.parse ] }

        let jobs = Plan.unfinished plan

        if launches <= 20 then
            for run in jobs do
                try
                    Child.enroll { Run = run; Work = Child.Execute; Try = 1 }
                    let task = { Run = run.Id; Word = "PENDING" }
                    told[run.Id] <- task
                    left <- left + 1
                    queue.Enqueue task
                with :? IOException ->
                    ()

            if left = 0 && not jobs.IsEmpty then future.After(seconds 60.0, launch)

        shared.End by
        dispatch ()

    // ── The status ──────────────────────────────────────────────────────────────────────────

    let status () =
        let by, place = shared.Start("observer", 1, TimeSpan.Zero)

        if Disk.HasFolder $"{place}/runs/{sweep}" then
            let head = List.head (Status.lines $"{place}/runs/{sweep}")
            let found = Text.RegularExpressions.Regex.Match(head, "([0-9]+) completed")
            let counted = if found.Success then int found.Groups[1].Value else 0
            if counted <> completed.Count then broken $"the status counts {counted} completed runs, and there are {completed.Count}: {head}"

        shared.End by

    future.After(TimeSpan.Zero, launch)
    for _ in 1..looks do
        future.After(between 100.0 2000.0, status)

    if faults.Full > TimeSpan.Zero then future.After(between 100.0 600.0, (fun () -> shared.FullUntil <- future.Now + faults.Full))

    future.Run(fun () ->
        if future.Now > start + longest then failwith $"the sweep does not end: after {longest.TotalDays} days, {left} tasks are left.")

    let observer, place = shared.Start("observer", 2, TimeSpan.Zero)
    after $"{place}/runs/{sweep}"
    shared.End observer

    // ── At the end ──────────────────────────────────────────────────────────────────────────

    let text (path: string) =
        match shared.Look path with
        | null -> ""
        | bytes -> Text.Encoding.UTF8.GetString bytes

    for id in tasks.Keys do
        let folder = $"runs/{sweep}/{id}"
        if not (completed.Contains id) then
            broken $"{id} is lost: it is not completed after {launches} launches"
        else
            let due = [ for step in 1L .. steps -> step ]
            let lines = (text $"{folder}/events.jsonl").Split('\n', StringSplitOptions.RemoveEmptyEntries)

            let found = [
                for line in lines ->
                    use json = JsonDocument.Parse line
                    json.RootElement.GetProperty("step").GetInt64()
            ]

            if found <> due then broken $"the events of {id} have the steps {found}"
            if not ((text $"{folder}/metrics.json").Contains "grid-kl") then broken $"{id} has no metrics"

    {
        Runs = tasks.Count
        Attempts = attempts
        Killed = killed
        Suspended = suspended
        Preempted = preempted
        Failed = failed
        Duplicates = duplicates
        Refused = refused
        Fenced = fenced
        Launches = launches
        Took = future.Now - start
        Violations = List.ofSeq violations
    }

/// The same for laws.
let simulate claims configs words nodes faults seed = simulated claims configs words nodes faults 5 ignore seed

/// A process takes a run's folder as the runner does.
let claimed (path: string) : IDisposable * RunFolder =
    let claim = new Claim(RunFolder.Open path)
    claim, claim.Folder
