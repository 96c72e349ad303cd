/// One run as a process of its own: started, listened to, and settled when it is gone.
///
/// The runner says on its standard output how far it is ("progress 300 4000 train"), keeps its own logs in the run's folder, and
/// writes how it ended into the manifest. What it could not write, because it was killed or crashed, is written here.
module Ebm.Sweeps.Child

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Host

type Work =
    | Execute
    /// What is there already is discarded first.
    | ExecuteAfresh
    /// A completed run is drawn from and measured again.
    | Measure

type Job = {
    Run: PlannedRun
    Work: Work
    /// Counted from 1, within this launch.
    Try: int
}

type Outcome = {
    Job: Job
    State: RunState
    Reason: string option
    Took: TimeSpan
    /// What the logs end with; empty for a run that ended as it should.
    LogEnd: string list
    Log: string
    WillRetry: bool
}

/// The last lines of a file that may still grow.
let private tail (path: string) (lines: int) =
    if not (File.Exists path) then
        []
    else
        use file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        file.Seek(-(min file.Length 65536L), SeekOrigin.End) |> ignore
        use reader = new StreamReader(file)
        let all = reader.ReadToEnd().Split '\n' |> Array.map _.TrimEnd() |> Array.filter ((<>) "")
        all |> Array.skip (max 0 (all.Length - lines)) |> List.ofArray

/// Where each value was written that was not left to its default.
let private origins (run: PlannedRun) =
    readOnlyDict [
        for struct (path, _) in run.Config.Leaves() do
            match run.Composed.Find path with
            | null -> ()
            | node -> path, string node.Source
    ]

/// What the runner says, as its exit code, when another process has the run: see its Program.
let private taken = 75

/// Throws TakenException when another process is at work on the run.
let private prepare (job: Job) =
    let run = job.Run
    let make () = RunFolder.Create(string (Path.GetDirectoryName run.Folder), run.Id, run.Config, run.Hashed)
    use claim = new Claim(run.Folder, make)
    let folder = claim.Folder

    // It may have ended, elsewhere, since it was looked at.
    if job.Work = ExecuteAfresh || (job.Work = Execute && folder.State <> RunState.Completed) then
        // Whoever is stopped between here and the runner must not go on from what was to be discarded.
        if job.Work = ExecuteAfresh then folder.Remove "checkpoint"

        // The last attempt makes way, and the new one says what it is before its process begins.
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

/// A run that somebody else will execute: its folder, and a manifest that says so.
let enroll (job: Job) = prepare job |> ignore

/// Settles a run that does not begin: pruned, with the reason.
let leaveOut (job: Job) (reason: string) =
    let folder = prepare job

    match folder.Manifest with
    | null -> ()
    | manifest -> folder.Write(manifest.Ended(RunState.Pruned, manifest.Step, reason))

/// What a process said before it could keep a log, or that had none.
let private keep (log: string) (said: string list) =
    try
        if not said.IsEmpty then File.AppendAllLines(log, said)
    with :? IOException ->
        // A full disk, most likely: the reason says the last line nevertheless.
        ()

/// What the runner is told, besides `further`.
let private words (job: Job) (folder: RunFolder) =
    match job.Work with
    | Execute -> [ "exec"; folder.Path ]
    | ExecuteAfresh -> [ "exec"; folder.Path; "--afresh" ]
    | Measure ->
        // The measure group of the plan, not the one that the run was made with.
        let config = Path.Combine(Path.GetTempPath(), $"{folder.Id}-{Environment.ProcessId}.yaml")
        File.WriteAllText(config, job.Run.Config.ToYaml())
        [ "measure"; folder.Path; "--config"; config ]

/// A run at work. `hostOf` gives it the process that it happens in, by what the runner is told; `ended` is called, on another thread, when
/// a shared host is done with it.
type Child(job: Job, hostOf: string list -> Host, ended: unit -> unit) =
    let folder = prepare job
    let clock = Stopwatch.StartNew()
    let words = words job folder
    let host = hostOf words
    let mutable isDone = false
    let mutable progress = None
    // When training was how far: at first, and last.
    let mutable before = None
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
                progress <- Some(phase, fraction)

                if phase = Phase.Train then
                    trained <- Some(clock.Elapsed, fraction)
                    if before.IsNone then before <- trained
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

    /// Its process is gone, or wants the next run.
    member _.HasEnded = isDone || host.HasExited

    /// After its end: whether another process had the run already, so that nothing was done here.
    member _.FoundTaken = not isDone && host.ExitCode = taken

    /// The phase it is in and how much of that is done, between 0 and 1; unknown at first.
    member _.Progress: (Phase * float) option = progress

    /// What it should take in all, from training's own pace; unknown until a few per cent of that are seen.
    member _.Whole: TimeSpan option =
        match before, trained with
        | Some(_, first), Some(_, last) when last - first < 0.03 -> None
        | Some(since, first), Some(at, last) -> Some(since + (at - since) * ((1.0 - first) / (last - first)))
        | _ -> None

    member _.Gpu = host.Gpu
    member _.Memory = host.Memory

    /// The state and the reason that it is being ended for, by whoever watches it.
    member val Verdict: (RunState * string) option = None with get, set

    member _.Signal(signal: int) = host.Signal signal

    /// After its end: what became of it. `stopped` says that it was asked to end.
    member child.Settle(stopped: bool, mayRetry: bool) : Outcome =
        if not isDone then host.Settle()
        let code = if isDone then 0 else host.ExitCode
        let signal = if code > 128 && code < 160 then Nullable(code - 128) else Nullable()
        let log = folder.In "stderr.log"
        let said = host.Errors
        let lines =
            match tail log kept with
            | [] ->
                keep log said
                said
            | lines -> lines
        let last = said @ lines |> List.tryLast |> Option.map (fun line -> ": " + line) |> Option.defaultValue ""
        let manifest =
            match folder.Manifest with
            | null -> None
            | manifest -> Some manifest

        let rewrite state (reason: string) =
            try
                match manifest with
                | Some manifest -> folder.Write(manifest.Ended(state, manifest.Step, reason, Nullable code, signal))
                | None -> ()

                state, Some reason
            with :? IOException as error ->
                // A full disk, most likely: the next launch finds this run lost, and this one says so.
                state, Some $"{reason}; its manifest could not be written: {error.Message}"

        let broken () = if signal.HasValue then $"signal {signal.Value} ended it{last}" else $"it ended with exit code {code}{last}"

        let state, reason =
            match manifest |> Option.map _.State, child.Verdict with
            | there, _ when code = taken -> defaultArg there RunState.Pending, Some "another process is at work on it"
            | Some state, Some(verdict, reason) when state <> RunState.Completed && state <> RunState.Diverged -> rewrite verdict reason
            | _ when job.Work = Measure -> if code = 0 then RunState.Completed, None else RunState.Failed, Some(broken ())
            | Some state, _ when state <> RunState.Running && state <> RunState.Pending ->
                state, manifest |> Option.bind (fun manifest -> Option.ofObj manifest.Reason)
            | _ when stopped -> rewrite RunState.Interrupted "it was ended before it could write a checkpoint"
            | _ -> rewrite RunState.Failed (broken ())

        if job.Work = Measure then File.Delete words[3]
        let failed = state = RunState.Failed || state = RunState.Timeout

        {
            Job = job
            State = state
            Reason = reason
            Took = clock.Elapsed
            LogEnd = if failed then lines else []
            Log = log
            WillRetry = failed && mayRetry
        }
