/// One run as a separate process: it is started, its output is read, and its outcome is recorded after its end.
///
/// The runner prints its progress on standard output ("progress 300 4000 train"), keeps its own logs in the run's folder, and writes its
/// outcome into the manifest. If it could not, because it was killed or crashed, the outcome is written here.
module Ebm.Sweeps.Child

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Host

type Work =
    | Execute
    /// Discards an earlier attempt first.
    | ExecuteAfresh
    /// Draws samples of a completed run and measures it again.
    | Measure

type Job = {
    Run: PlannedRun
    Work: Work
    /// The number of the attempt in this launch, from 1.
    Try: int
}

type Outcome = {
    Job: Job
    State: RunState
    Reason: string option
    Took: TimeSpan
    /// The part of that time after training.
    After: TimeSpan
    /// The run whose training it took.
    TrainedBy: string option
    /// The last lines of the logs; empty for a run that ended normally.
    LogEnd: string list
    Log: string
    WillRetry: bool
}

/// The last lines of a file that may still grow; none if it cannot be read.
let private tail (path: string) (lines: int) =
    try
        if not (File.Exists path) || not (isNull (RegularFile.Refusal path)) then
            []
        else
            use file = RegularFile.Open path
            file.Seek(-(min file.Length 65536L), SeekOrigin.End) |> ignore
            use reader = new StreamReader(file)
            let all = reader.ReadToEnd().Split '\n' |> Array.map _.TrimEnd() |> Array.filter ((<>) "")
            all |> Array.skip (max 0 (all.Length - lines)) |> List.ofArray
    with Mishap _ -> []

/// The origin of each value that is not a default.
let private origins (run: PlannedRun) =
    readOnlyDict [
        for struct (path, _) in run.Config.Leaves() do
            match run.Composed.Find path with
            | null -> ()
            | node -> path, string node.Source
    ]

/// The runner's exit code if another process executes the run: see its Program.
let private taken = 75

/// Throws TakenException if another process executes the run.
let private prepare (job: Job) =
    let run = job.Run
    let make () = RunFolder.Create(string (Path.GetDirectoryName run.Folder), run.Id, run.Config, run.Hashed)
    use claim = new Claim(run.Folder, make)
    let folder = claim.Folder

    // Another process may have finished the run since the plan was made.
    if job.Work = ExecuteAfresh || (job.Work = Execute && folder.State <> RunState.Completed) then
        // If the process is stopped before the runner starts, the next attempt must not resume from a discarded checkpoint.
        if job.Work = ExecuteAfresh then folder.Remove "checkpoint"

        // Moves the last attempt away and writes the new manifest before the process starts.
        let attempt = folder.NextAttempt()

        folder.Write(
            RunManifest(
                State = RunState.Pending,
                RunId = run.Id,
                GroupId = run.Group,
                SweepId = folder.Sweep,
                Attempt = attempt,
                Seed = run.Spec.Seed,
                Timing = Timing(Queued = DateTime.UtcNow),
                ConfigSha256 = folder.ConfigSha256,
                Overrides = List.toArray run.Overrides,
                Origins = origins run,
                Choices = readOnlyDict [ for KeyValue(group, options) in run.Choices -> group, String.Join(", ", options) ]
            )
        )

    RunFolder.Open run.Folder

/// Prepares a run that a scheduler will execute: its folder and a pending manifest.
let enroll (job: Job) = prepare job |> ignore

/// Records a run that does not start as pruned, with the reason.
let leaveOut (job: Job) (reason: string) =
    let folder = prepare job

    match folder.Manifest with
    | null -> ()
    | manifest -> folder.Write(manifest.Ended(RunState.Pruned, manifest.Step, reason))

/// Keeps the output of a process that wrote no log.
let private keep (log: string) (said: string list) =
    try
        // A pipe without a reader would never take them.
        if not said.IsEmpty && isNull (RegularFile.Refusal log) then File.AppendAllLines(log, said)
    with Mishap _ ->
        // The disk is probably full, or the folder is gone; the reason still has the last line.
        ()

/// The runner's arguments, before `further`.
let private words (job: Job) (folder: RunFolder) =
    match job.Work with
    | Execute -> [ "exec"; folder.Path ]
    | ExecuteAfresh -> [ "exec"; folder.Path; "--afresh" ]
    | Measure ->
        // The measure group of the plan, not the one that the run was made with.
        let config = Path.Combine(Path.GetTempPath(), $"{folder.Id}-{Environment.ProcessId}.yaml")
        AtomicFile.Write(config, job.Run.Config.ToYaml())
        [ "measure"; folder.Path; "--config"; config ]

/// A running run. `hostOf` gives its process for the runner's arguments; a shared host calls `ended`, on another thread, when the run is
/// done.
type Child(job: Job, hostOf: string list -> Host, ended: unit -> unit) =
    let folder = prepare job
    let clock = Stopwatch.StartNew()
    let words = words job folder
    let host = hostOf words
    let mutable isDone = false
    let mutable progress = None
    // The progress of the current phase with its time: at first, and last.
    let mutable before = None
    let mutable latest = None
    // The time of the last progress of training.
    let mutable trained = None

    let heard (line: string) =
        match line.Split ' ' with
        | [| "progress"; done'; total; phase |] ->
            match
                Int64.TryParse(done', CultureInfo.InvariantCulture),
                Int64.TryParse(total, CultureInfo.InvariantCulture),
                Kebab.Read<Phase> phase |> Option.ofNullable
            with
            | (true, done'), (true, total), Some phase when total > 0L ->
                let fraction = float done' / float total
                latest <- Some(clock.Elapsed, fraction)

                if Option.map fst progress <> Some phase then before <- latest
                if phase = Phase.Train then trained <- Some clock.Elapsed
                progress <- Some(phase, fraction)
            | _ -> ()
        | [| "next" |] ->
            isDone <- true
            ended ()
        | _ -> ()

    do
        host.Hear heard
        if host.IsShared then host.Give(String.Join('\t', words))

    member _.Job = job
    member _.Host = host
    member _.Elapsed = clock.Elapsed

    /// The process has ended, or waits for the next run.
    member _.HasEnded = isDone || host.HasExited

    /// After the end: another process already executed the run, so nothing was done here.
    member _.FoundTaken = not isDone && host.ExitCode = taken

    /// The phase and its share done, between 0 and 1; unknown at first.
    member _.Progress: (Phase * float) option = progress

    /// The estimated time at the end of the current phase, from its pace; unknown during its first per cents.
    member _.Whole: TimeSpan option =
        match before, latest with
        | Some(_, first), Some(_, last) when last - first < 0.03 -> None
        | Some(since, first), Some(at, last) -> Some(since + (at - since) * ((1.0 - first) / (last - first)))
        | _ -> None

    /// It has not begun to draw samples: it trains, or it has not yet decided whether to.
    member _.IsTraining =
        match progress with
        | None
        | Some(Phase.Train, _) -> true
        | Some _ -> false

    member _.Gpu = host.Gpu
    member _.Memory = host.Memory

    /// The state and the reason with which the sweep ends this run.
    member val Verdict: (RunState * string) option = None with get, set

    member _.Signal(signal: int) = host.Signal signal

    /// After the end: determines the outcome and records it. `stopped`: the run was asked to end.
    member child.Settle(stopped: bool, mayRetry: bool) : Outcome =
        if not isDone then host.Settle()
        let code = if isDone then 0 else host.ExitCode
        let signal = if code > 128 && code < 160 then Nullable(code - 128) else Nullable()
        let log = folder.In "stderr.log"
        let said = host.Errors |> List.map Secrets.Here.Masked

        // A run that was killed could not mask its own logs.
        if code <> taken then
            for name in [ "stdout.log"; "stderr.log" ] do
                Secrets.Here.Mask(folder.In name)

        let lines =
            match tail log kept with
            | [] ->
                keep log said
                said
            | lines -> lines
        let last = said @ lines |> List.tryLast |> Option.map (fun line -> ": " + line) |> Option.defaultValue ""
        // The run's folder may have been deleted, moved or damaged while the run was executing.
        let manifest, damage =
            try
                match folder.Manifest with
                | _ when not (File.Exists(folder.In "config.json")) -> None, Some "its folder was deleted or moved while it was executing"
                | null -> None, Some "its manifest was deleted while it was executing"
                | manifest -> Some manifest, None
            with Mishap says ->
                None, Some $"its manifest cannot be read: {says}"

        let rewrite state (reason: string) =
            try
                match manifest with
                | Some manifest -> folder.Write(manifest.Ended(state, manifest.Step, reason, Nullable code, signal))
                | None -> ()

                state, Some reason
            with Mishap says ->
                // The disk is probably full: the next launch finds this run lost, and this launch reports the reason.
                state, Some $"{reason}; its manifest could not be written: {says}"

        let broken () = if signal.HasValue then $"signal {signal.Value} ended it{last}" else $"it ended with exit code {code}{last}"

        let state, reason =
            match manifest |> Option.map _.State, child.Verdict with
            | there, _ when code = taken -> defaultArg there RunState.Pending, Some "another process executes it"
            | _ when damage.IsSome -> RunState.Failed, damage
            | Some state, Some(verdict, reason) when state <> RunState.Completed && state <> RunState.Diverged -> rewrite verdict reason
            | _ when job.Work = Measure -> if code = 0 then RunState.Completed, None else RunState.Failed, Some(broken ())
            | Some state, _ when state <> RunState.Running && state <> RunState.Pending ->
                state, manifest |> Option.bind (fun manifest -> Option.ofObj manifest.Reason)
            | _ when stopped -> rewrite RunState.Interrupted "it was ended before it could write a checkpoint"
            | _ -> rewrite RunState.Failed (broken ())

        try
            if job.Work = Measure then File.Delete words[3]
        with Mishap _ ->
            // It is in the folder of temporary files.
            ()

        let failed = state = RunState.Failed || state = RunState.Timeout

        {
            Job = job
            State = state
            Reason = reason
            Took = clock.Elapsed
            After =
                (match trained with
                 | Some at -> clock.Elapsed - at
                 | None -> clock.Elapsed)
            TrainedBy = manifest |> Option.bind (fun manifest -> Option.ofObj manifest.TrainedBy) |> Option.map _.Run
            LogEnd = if failed then lines else []
            Log = log
            WillRetry = failed && mayRetry
        }
