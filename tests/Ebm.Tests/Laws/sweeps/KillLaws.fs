/// Sweeps that are killed at twenty moments and started again write the same bytes as an uninterrupted sweep, and finished runs are not
/// changed.
module Ebm.Tests.Laws.KillLaws

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks
open Ebm.Records
open Ebm.Sweeps
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.Folder

/// The contents of every run's artefacts and checkpoint, without the attempt that wrote them and its times.
let private results (sweep: string) =
    Map.ofList [
        for run in RunFolder.Under sweep do
            for artefact in run.Artefacts() do
                run.Id + "/" + artefact.Path, artefact.Sha256

            if Directory.Exists(run.In "checkpoint") then
                for file in Directory.GetFiles(run.In "checkpoint") do
                    let name = string (Path.GetFileName file)

                    run.Id + "/checkpoint/" + name,
                    if name = "state.json" then
                        Canonical.Sha256(Regex.Replace(File.ReadAllText file, "\"(attempt|seconds)\": [^,]*,", ""))
                    else
                        Canonical.Sha256OfFile file
    ]

/// The manifests of the runs that are done.
let private finished (sweep: string) =
    Map.ofList [
        for run in RunFolder.Under sweep do
            let manifest = run.Manifest
            if run.State = RunState.Completed then run.Id, string manifest
    ]

/// Starts a sweep, kills at each moment and starts it again when it has ended; finally lets it run to its end. Returns how many kills met a
/// process.
let private harmed (start: unit -> Process) (sweep: string) (moments: (Process -> bool) list) =
    let mutable at = start ()
    let mutable hits = 0
    let mutable done' = Map.empty

    for harm in moments do
        if at.HasExited then at <- start ()
        if harm at then hits <- hits + 1
        for KeyValue(run, manifest) in finished sweep do
            if not (Map.containsKey run done') then done' <- done'.Add(run, manifest)

    if not at.HasExited then at.WaitForExit()
    let code, says = Processes.finished (start ())
    must $"it ended with {code}: {says}" (code = 0)
    let last = finished sweep

    for KeyValue(run, manifest) in done' do
        must $"{run} had finished, but was executed again" (last[run] = manifest)

    hits

/// Runs several actions at once, each on a thread.
let private atOnce (works: (unit -> 'a) list) : 'a list =
    let tasks = [
        for work in works ->
            Task.Factory.StartNew(
                (fun () ->
                    try
                        Ok(work ())
                    with error ->
                        Error error),
                TaskCreationOptions.LongRunning
            )
    ]

    [
        for task in tasks ->
            match task.Result with
            | Ok result -> result
            | Error error -> raise error
    ]

/// A sweep to kill, with a measure of its progress.
type private Subject = {
    /// Starts the sweep with its runs below a folder, as the leader of a process group.
    Start: string -> Process
    /// The sweep's progress, a number that only grows.
    Life: string -> int
    /// The results and the final progress of an uninterrupted sweep.
    Whole: Lazy<Map<string, string> * int>
    /// Whether all child processes must have ended before the sweep starts again.
    Waits: bool
    /// How many tenths of a second this may take.
    Patience: int
}

let private sweepIn folder = Path.Combine(folder, "runs", "laws")

/// Executes a sweep without interruption.
let private unharmed (start: string -> Process) (life: string -> int) =
    lazy
        (let mutable found = Map.empty, 0

         inFolder (fun folder ->
             let code, says = Processes.finished (start folder)
             must $"it ended with {code}: {says}" (code = 0)
             found <- results (sweepIn folder), life folder)

         found)

/// The processes that a sweep started end when the sweep has ended.
let private ended (subject: Subject) folder =
    let rec wait tries =
        match Processes.about folder with
        | [] -> ()
        | left when tries = 0 ->
            for id in left do
                Processes.kill (id, 9) |> ignore

            broken $"processes %A{left} continue without their sweep"
        | _ ->
            Thread.Sleep 100
            wait (tries - 1)

    wait subject.Patience

type private Victim =
    | Group
    | Own
    | Runs

let private kill (subject: Subject) (random: Random) folder victim (sweep: Process) =
    match victim with
    | Group
    | Own ->
        Processes.kill ((if victim = Group then -sweep.Id else sweep.Id), 9) |> ignore
        sweep.WaitForExit()
        if subject.Waits then ended subject folder
        sweep.ExitCode = 137
    | Runs ->
        match Processes.about (sweepIn folder) with
        | [] -> false
        | running -> Processes.kill (running[random.Next running.Length], 9) = 0

/// A log's lines; none if the next attempt has just moved it.
let private logged (path: string) =
    try
        File.ReadAllLines path
    with :? FileNotFoundException -> [||]

/// The phases of the runs at this moment.
let private phase folder =
    let at (run: RunFolder) =
        let is pattern = Directory.GetFileSystemEntries(run.Path, pattern).Length > 0
        let last = logged (run.In "stdout.log") |> Array.tryLast |> Option.defaultValue ""
        let isStaged () =
            try
                Directory.GetDirectories(run.Path, ".staging-*")
                |> Array.exists (Directory.EnumerateFileSystemEntries >> Seq.isEmpty >> not)
            with :? DirectoryNotFoundException ->
                false
        if is ".*.new" || isStaged () then "writing"
        elif last.EndsWith "measure" then "measuring"
        elif last.EndsWith "sample" then "sampling"
        elif last = "" then "starting"
        else "training"

    match
        [
            for run in RunFolder.Under(sweepIn folder) do
                if run.State = RunState.Running || run.State = RunState.Pending then at run
        ]
    with
    | [] when finished (sweepIn folder) |> Map.isEmpty -> "before the first run"
    | [] -> "between runs"
    | phases -> phases |> List.distinct |> List.sort |> String.concat " and "

/// Kills one sweep at moments that are spread over its progress, plus up to some milliseconds. Returns the phases in which a kill met a
/// process.
let private lane (subject: Subject) victim count late seed () =
    let met = Collections.Generic.List<string>()

    inFolder (fun folder ->
        let random = Random(seed: int)
        let due, life = subject.Whole.Value

        harmed (fun () -> subject.Start folder) (sweepIn folder) [
            for share in [ for _ in 1..count -> 0.95 * random.NextDouble() ] |> List.sort ->
                fun sweep ->
                    while subject.Life folder < int (share * float life) && not sweep.HasExited do
                        Thread.Sleep 5

                    // The first moments are before the first run.
                    Thread.Sleep(random.Next(if share < 0.05 then 10 * late else late))
                    let phase = phase folder
                    let isMet = kill subject random folder victim sweep
                    if isMet then met.Add phase
                    isMet
        ]
        |> ignore

        ended subject folder

        let found = results (sweepIn folder)
        let differing = [
            for KeyValue(name, hash) in due do
                if found.TryFind name <> Some hash then name
        ]
        must $"%A{differing} differ from those of an uninterrupted sweep" differing.IsEmpty
        must "an uninterrupted sweep has fewer results" (found.Count = due.Count))

    List.ofSeq met

/// Twenty kills, distributed over sweeps that run at the same time, one for each lane.
let private killed subject victim late lanes =
    subject.Whole.Force() |> ignore
    let met = atOnce [ for seed in 1..lanes -> lane subject victim (20 / lanes) late seed ] |> List.concat
    must $"only {met.Length} of 20 kills met a process" (met.Length >= 10)
    met

// ── With a script instead of the runner ─────────────────────────────────────────────────────

let private scripted runner =
    let start folder =
        if not (File.Exists(Path.Combine(folder, "runner"))) then Sweeping.executable folder runner |> ignore
        Processes.again [ "launch"; folder; "0,1,2,3" ]

    let life folder =
        let ticks = Path.Combine(folder, "runs", "ticks")
        if File.Exists ticks then (File.ReadAllLines ticks).Length else 0

    { Start = start; Life = life; Whole = unharmed start life; Waits = false; Patience = 300 }

let private script = scripted Sweeping.slow

/// A runner that keeps records after the step from which it resumes.
let private careless = Sweeping.slow.Replace("if [ -f \"$folder/events\" ]", "if false")

/// A runner that continues when its sweep has ended.
let private orphan = Sweeping.slow.Replace("{ end interrupted; exit 130; }", "while :; do exec 9>&-; sleep 0.05; done")

// ── With real trainings ─────────────────────────────────────────────────────────────────────

/// Eight short trainings of two methods, with a checkpoint every fifth step.
let private words = [
    "experiment=rings"
    "method=joint-cd,flow"
    "seed=0,1,2,3"
    "train.steps=60"
    "train.checkpoint-every=5"
    "train.record-every=5"
    "measure.samples=500"
    "~measure.metrics.grid-kl"
    "~measure.metrics.long-run"
    "~measure.metrics.density-readout"
]

let private real =
    let start folder =
        Processes.leading
            "nice"
            ([ "dotnet"; "fsi"; under "experiments/sweep.fsx"; "run" ]
             @ words
             @ [ "--name=laws"; $"--runs={folder}/runs"; $"--reports={folder}/reports"; "--workers=2"; "--on-error=continue" ])

    let life folder =
        if Directory.Exists(sweepIn folder) then
            Directory.GetFiles(sweepIn folder, "stdout.log", SearchOption.AllDirectories) |> Array.sumBy (logged >> Array.length)
        else
            0

    { Start = start; Life = life; Whole = unharmed start life; Waits = true; Patience = 1200 }

let private isLong () =
    match Environment.GetEnvironmentVariable "EBM_LONG" with
    | null
    | "" -> Some "it kills real trainings for a quarter of an hour: EBM_LONG=1"
    | _ -> None

/// The same with trainings; artifacts/kills.txt gets the phases of the kills.
let private reallyKilled victim =
    let met = killed real victim 300 2
    let counted = met |> List.countBy id |> List.sort |> List.map (fun (phase, count) -> $"{count} {phase}") |> String.concat ", "
    File.AppendAllText(under "artifacts/kills.txt", $"%A{victim}: {met.Length} of 20 kills met a process: {counted}\n")

let all = [
    law
        "a sweep whose process group is killed at 20 moments gives the same bytes as an uninterrupted one, and finished runs are not changed"
        (fun () -> killed script Group 60 4 |> ignore)
    |> breaks "runs that keep records after the step from which they resume" (fun () ->
        lane { scripted careless with Whole = script.Whole } Group 3 60 1 () |> ignore)

    law
        "a sweep whose process is killed at 20 moments gives the same bytes as an uninterrupted one, and finished runs are not changed"
        (fun () -> killed script Own 60 4 |> ignore)
    |> breaks "a run that continues after its sweep has ended" (fun () ->
        lane { scripted orphan with Whole = script.Whole; Patience = 10 } Own 2 60 1 () |> ignore)

    law
        "a sweep whose runs are killed at 20 moments gives the same bytes as an uninterrupted one, and finished runs are not changed"
        (fun () -> killed script Runs 60 4 |> ignore)
    |> breaks "a finished run that is taken for a failed one" (fun () ->
        inFolder (fun folder ->
            harmed (fun () -> script.Start folder) (sweepIn folder) [
                fun sweep ->
                    sweep.WaitForExit()
                    true
                fun sweep ->
                    let run = RunFolder.Under(sweepIn folder) |> Seq.head
                    run.Write((nonNull run.Manifest).Ended(RunState.Failed, 1L, "planted"))
                    sweep.WaitForExit()
                    true
            ]
            |> ignore))

    law "trainings whose sweep's process group is killed at 20 moments give the same samples, events, metrics and checkpoints" (fun () ->
        reallyKilled Group)
    |> needs isLong

    law
        "trainings end if their `dotnet fsi` alone is killed, and after 20 kills give the same samples, events, metrics and checkpoints"
        (fun () -> reallyKilled Own)
    |> needs isLong

    law "trainings that are killed one by one at 20 moments give the same samples, events, metrics and checkpoints" (fun () ->
        reallyKilled Runs)
    |> needs isLong
]
