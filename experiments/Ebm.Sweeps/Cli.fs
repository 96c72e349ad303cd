/// What every sweep script does when it is called: reads the words, plans, and does what they ask.
module Ebm.Sweeps.Cli

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text
open System.Threading
open Ebm.Analysis
open Ebm.Core
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.CommandLine
open Ebm.Sweeps.Overrides
open Ebm.Sweeps.Sentence
open Ebm.Sweeps.Configs
open Ebm.Sweeps.Compose
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Child
open Ebm.Sweeps.Show

// ── What the options say ────────────────────────────────────────────────────────────────────

type private Place = {
    Folder: string
    Root: string
    Sweep: Declare.Sweep
    Given: Given
    Runs: string
    Reports: string
    /// Built once for all plans of one command.
    Composer: Composer
    Catalog: Lazy<Catalog>
}

let private dataRoot (place: Place) =
    place.Given.Options.TryGetResult <@ Data @>
    |> Option.orElse (Environment.GetEnvironmentVariable "EBM_DATA" |> Option.ofObj |> Option.filter ((<>) ""))
    |> Option.defaultValue (Path.Combine(place.Root, "data"))
    |> Path.GetFullPath

/// The runner lies beside this library, where the build puts every program.
let private runner () =
    let here = Path.GetDirectoryName(typeof<Declare.Sweep>.Assembly.Location) |> string
    Path.GetFullPath(Path.Combine(here, "..", "..", "Ebm.Runner", Path.GetFileName here |> string, "ebm-runner"))

let private labs (given: Given) = given.Options.GetResults <@ With @> |> List.map Path.GetFullPath

let private stale (place: Place) =
    let reuse =
        match place.Given.Options.TryGetResult <@ Reuse @> with
        | None
        | Some "exact" -> Reuse.Exact
        | Some "config+data" -> Reuse.Data
        | Some "config" -> Reuse.Config
        | Some other ->
            let known = [ "config"; "config+data"; "exact" ]
            usage $"--reuse {other}" $"a finished run is used again for the same {listed known}{Spelling.DidYouMean(other, known)}."

    let inputs = Inputs(string (Path.GetDirectoryName(runner ())), labs place.Given, dataRoot place)
    fun manifest -> Option.ofObj (inputs.Changed(manifest, reuse))

/// The script's sweep, or the file's, with the overrides of the command line in it; each side of --or is a list of its own.
let private asked (place: Place) : Declare.Sweep = {
    place.Sweep with
        Parts = [
            for overrides in place.Given.Unions |> List.map (List.map parse) do
                for part in place.Sweep.Parts -> List.fold Declare.replace part overrides
        ]
}

let private planNamed (place: Place) (name: string option) (sweep: Declare.Sweep) =
    Plan.plan
        {
            Composer = place.Composer
            Catalog = place.Catalog.Value
            Runs = place.Runs
            Name = name
            Stale = stale place
            Asked = Search.asked
        }
        sweep

let private planOf (place: Place) sweep = planNamed place (place.Given.Options.TryGetResult <@ Name @>) sweep

let private planned (place: Place) = planOf place (asked place)

/// The folders of the sweeps that the words, the name or the overrides mean; all of them where nothing is said.
let private sweepFolders (place: Place) =
    let asked = place.Given.Options.TryGetResult <@ Name @>

    let folders =
        match place.Given.Words, asked, place.Given.Unions with
        | [], None, [ [] ] -> if Directory.Exists place.Runs then Directory.GetDirectories place.Runs |> Array.sort |> List.ofArray else []
        | [], Some name, [ [] ] -> [ Path.Combine(place.Runs, name) ]
        | [], _, _ -> [ (planned place).Folder ]
        | words, _, _ -> words |> List.map (fun name -> Path.Combine(place.Runs, name))

    for folder in folders do
        if not (Directory.Exists folder) then
            let there =
                if Directory.Exists place.Runs then
                    Directory.GetDirectories place.Runs |> Array.map (Path.GetFileName >> string) |> Array.sort |> List.ofArray
                else
                    []

            let name = string (Path.GetFileName folder)
            let known = if there.IsEmpty then "there are none" else $"there are {listed there}"
            usage name $"no sweep of this name lies under {relative place.Runs}; {known}{Spelling.DidYouMean(name, there)}."

    folders

// ── The ledger ──────────────────────────────────────────────────────────────────────────────

/// Writes something into the ledger. Where that cannot be, it is said: no result is lost for it.
let private enter (write: unit -> unit) =
    try
        write ()
    with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException as error -> eprintfn $"The ledger is not written: {error.Message}"

/// Enters each run as it ends.
let private entering (place: Place) (display: Launch.IDisplay) =
    { new Launch.IDisplay with
        member _.Say text = display.Say text
        member _.Began job = display.Began job
        member _.Tick snapshot = display.Tick snapshot

        member _.Ended(outcome, snapshot) =
            enter (fun () ->
                let folder = RunFolder.Open outcome.Job.Run.Folder
                if outcome.Job.Work = Measure then Ledger.enterMeasured place.Runs folder else Ledger.enterRuns place.Runs [ folder ])

            display.Ended(outcome, snapshot)
    }

// ── table ───────────────────────────────────────────────────────────────────────────────────

/// Writes a sweep's table and prints it, and where it is asked for writes the report and ends with its path. False where the folder holds no run
/// that has begun.
let private tabulate (place: Place) (asJson: bool) (reporting: bool) (folder: string) =
    let table, skipped = Report.ofSweep folder place.Reports

    for skip in skipped do
        eprintfn $"{relative skip.Path}: {skip.Why}; it is left out."

    match table with
    | Some table when asJson -> Console.Write(Json.table table)
    | Some table ->
        enter (fun () -> Ledger.enterTable place.Runs table.Sweep (Path.Combine(place.Reports, table.Sweep, "table.csv")))
        Ledger.anchor place.Root place.Runs |> ignore
        Console.WriteLine()
        Console.WriteLine(Markdown.table table)
        Console.WriteLine(relative (Path.Combine(place.Reports, table.Sweep, "table.md")))
    | None -> ()

    match table with
    | Some table when reporting ->
        let path = Report.page (Report.plotly place.Root) folder place.Reports (table, skipped)
        if not asJson then Console.WriteLine(relative path)
    | _ -> ()

    table.IsSome

let private printTables (place: Place) =
    let json = place.Given.Options.Contains <@ CommandLine.Option.Json @>

    match sweepFolders place |> List.map (tabulate place json (place.Given.Verb = "report")) with
    | [] -> usage place.Given.Verb $"there is no sweep under {relative place.Runs} yet."
    | some when List.contains true some -> 0
    | _ -> usage place.Given.Verb "no run there has begun."

// ── run ─────────────────────────────────────────────────────────────────────────────────────

let private onError (given: Given) =
    match given.Options.TryGetResult <@ On_Error @> with
    | None -> Launch.Guarded
    | Some "continue" -> Launch.Continue
    | Some "stop" -> Launch.StopAfter 1
    | Some text ->
        match text.Split '=' with
        | [| "stop-after"; count |] when Int32.TryParse count |> fst && int count > 0 -> Launch.StopAfter(int count)
        | _ -> usage $"--on-error {text}" "it is continue, stop or stop-after=K."

/// Until when runs may start: --max-hours, --deadline, what the sweep declares; whichever comes first.
let private maxTime (place: Place) =
    let options = place.Given.Options

    let until =
        match options.TryGetResult <@ Deadline @> with
        | None -> None
        | Some text ->
            match DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal) with
            | true, time -> Some(max TimeSpan.Zero (time - DateTime.Now))
            | _ -> usage $"--deadline {text}" "a time is written 2026-03-01T08:00."

    [ options.TryGetResult <@ Max_Hours @> |> Option.orElse place.Sweep.MaxHours |> Option.map TimeSpan.FromHours; until ]
    |> List.choose id
    |> function
        | [] -> None
        | times -> Some(List.min times)

let private settings (place: Place) (plan: Plan) : Launch.Settings =
    let options = place.Given.Options
    let positive option value = if value > 0.0 then value else usage $"{option} {value}" $"{option} must be positive."
    let counted option value = if value >= 1 then value else usage $"{option} {value}" $"{option} is a count of 1 or more."
    let retry = options.GetResult(<@ Retry @>, 0)
    if retry < 0 then usage $"--retry {retry}" "--retry counts further attempts, so it is 0 or more."

    let memory =
        options.TryGetResult <@ Memory @>
        |> Option.map (positive "--memory" >> fun gigabytes -> int64 (gigabytes * 1073741824.0))

    let gpus =
        options.TryGetResult <@ Gpus @>
        |> Option.map (fun text ->
            text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) |> List.ofArray)
        |> Option.defaultValue []

    let perGpu = options.TryGetResult <@ Per_Gpu @> |> Option.map (counted "--per-gpu") |> Option.defaultValue 1

    if not gpus.IsEmpty then
        for run in plan.Runs do
            if run.Spec.Device <> "cuda:0" then
                usage "--gpus" $"{run.Id} runs on {run.Spec.Device}; with --gpus each run sees one GPU, so give it device=cuda:0."

    let workers =
        match options.TryGetResult <@ Workers @> with
        | Some workers when workers < 1 -> usage $"--workers {workers}" "at least one run must be at work."
        | Some workers -> workers
        | None when not gpus.IsEmpty -> gpus.Length * perGpu
        | None ->
            let threads = 1 :: (plan.Runs |> List.map _.Spec.Threads) |> List.max
            max 1 (Environment.ProcessorCount / threads)

    // Together they must not hold more than there is.
    let workers =
        match memory with
        | Some bytes -> max 1 (min workers (int (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / bytes)))
        | None -> workers

    if not (File.Exists(runner ())) then
        fail (Source.Of(runner ())) "" "the compiled runner is not there; build it with: dotnet fsi build.fsx build"

    {
        Launch.defaults (runner ()) with
            Workers = workers
            OnError = onError place.Given
            Retry = retry
            Timeout = options.TryGetResult <@ Timeout @> |> Option.map (positive "--timeout" >> TimeSpan.FromSeconds)
            MaxTime = maxTime place
            MaxGpuTime =
                options.TryGetResult <@ Max_Gpu_Hours @> |> Option.map (positive "--max-gpu-hours" >> TimeSpan.FromHours)
            MaxRuns = options.TryGetResult <@ Max_Runs @> |> Option.map (counted "--max-runs") |> Option.orElse place.Sweep.MaxRuns
            Memory = memory
            Gpus = gpus
            PerGpu = perGpu
            Share = options.Contains <@ CommandLine.Option.Share @>
            Notify = options.TryGetResult <@ Notify @>
            Judge =
                options.TryGetResult <@ CommandLine.Option.Prune @>
                |> Option.orElse place.Sweep.Prune
                |> Option.map (fun text ->
                    let metric, rule = Prune.check text plan
                    Prune.Judge(metric, rule, plan))
    }

/// What the runs of this launch have in common, written once below the sweep's folder; returns the file.
let private launchRecord (place: Place) (plan: Plan) =
    let git, said = Snapshot.take place.Root [ place.Runs; place.Reports; dataRoot place ]

    for sentence in said do
        eprintfn $"{sentence}"

    let words = Environment.GetCommandLineArgs() |> Array.skip 1

    let script =
        words
        |> Array.tryFind (fun word -> word.EndsWith ".fsx" && File.Exists word)
        |> Option.map (fun script ->
            let relative = Path.GetRelativePath(place.Root, Path.GetFullPath script).Replace('\\', '/')
            ScriptState((if relative.StartsWith ".." then string (Path.GetFileName script) else relative), Canonical.Sha256OfFile script))

    LaunchRecord(words, Option.toObj git, Option.toObj script).Write plan.Folder

/// The same settings with the code as it is now, whatever is built while the sweep is at work.
let private pinned (place: Place) (plan: Plan) (settings: Launch.Settings) =
    let pin = Pin.take (Path.Combine(place.Root, "artifacts", "pinned")) settings.Runner (labs place.Given)

    {
        settings with
            Runner = pin.Runner
            Arguments = [
                "--data"
                dataRoot place
                "--launch"
                launchRecord place plan
                for assembly in pin.With do
                    "--with"
                    assembly
            ]
    },
    pin.Held

/// A device that is not there is an error now, not in every run. Looking for one loads libtorch, so only where one is asked for.
let private checkDevices (plan: Plan) =
    for run in plan.Runs |> List.distinctBy _.Spec.Device do
        if run.Spec.Device <> "cpu" then
            try
                run.Spec.OnDevice() |> ignore
            with :? SettingException as error ->
                match run.Composed.Find "device" with
                | null -> fail Source.Code "device" $"device {error.Says}."
                | node -> fail node.Source "device" $"device {error.Says}."

/// All that was planned, whatever of it is asked for now: tables count what is missing.
let private note (place: Place) (sweep: Declare.Sweep) (plan: Plan) =
    Plans.note
        plan.Folder
        {
            Overrides = sweep.Parts |> List.map (List.map _.Text)
            Metric = place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (sweep.Metric |> Option.map fst)
            Baseline = sweep.Baseline
            Runs = plan.Runs |> List.map _.Id
        }

/// The metric that decides.
let private metric (place: Place) what =
    match place.Given.Options.TryGetResult <@ Metric @> |> Option.orElse (place.Sweep.Metric |> Option.map fst) with
    | Some metric -> metric
    | None -> usage what $"{what} needs to know what decides: --metric grid-kl, or metric in the sweep's declaration."

/// Starts this very command again, without a terminal and in a session of its own.
let private detach (place: Place) (plan: Plan) =
    // Refused now, where it is seen, and not in the log of the sweep that is at work.
    (Hold.take plan.Folder (part place.Given)).Dispose()
    let log = Path.Combine(plan.Folder, Hold.nameOf (part place.Given) + ".log")
    let words = Environment.GetCommandLineArgs() |> Array.filter ((<>) "--detach") |> List.ofArray
    let quoted =
        Environment.ProcessPath :: words
        |> List.map (fun word -> "'" + (string word).Replace("'", "'\\''") + "'")
        |> String.concat " "
    let start = ProcessStartInfo("setsid", [ "--fork"; "/bin/sh"; "-c"; $"exec {quoted} > '{log}' 2>&1 < /dev/null" ])
    use child = nonNull (Process.Start start)
    child.WaitForExit()
    Console.WriteLine $"{plan.Sweep} goes on by itself; follow it with attach, stop it with stop. It writes {relative log}."

let private submit (place: Place) (plan: Plan) (jobs: Job list) =
    let settings, _ = settings place plan |> pinned place plan
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
let private perform (place: Place) (noted: unit -> unit) (plan: Plan) (jobsOf: Plan -> Job list) (next: unit -> Plan option) =
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
        checkDevices plan
        let jobs = jobsOf plan

        match given.Options.TryGetResult <@ Launcher @> with
        | Some "slurm" ->
            Show.counts plan
            noted ()
            submit place plan jobs
        | Some other when other <> "local" ->
            usage $"--launcher {other}" $"""a launcher is local or slurm{Spelling.DidYouMean(other, [ "local"; "slurm" ])}."""
        | _ ->
            let settings = settings place plan
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

            let rec rounds (plan: Plan) (jobs: Job list) before =
                let outcomes, stopped =
                    if jobs.IsEmpty then
                        [], None
                    else
                        Console.WriteLine $"{jobs.Length} to do, {min settings.Workers jobs.Length} at once, in {relative plan.Folder}"
                        let settings, held = pinned place plan settings
                        use _ = held
                        Status.during (entering place >> Launch.launch settings jobs)

                let outcomes = before @ outcomes

                match stopped, (if stopped.IsSome then None else next ()) with
                | None, Some plan ->
                    Show.counts plan
                    rounds plan (jobsOf plan) outcomes
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
                    rounds plan jobs []

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

let private run (place: Place) =
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

        let unfinished = plan.Runs |> List.exists (fun run -> not (RunState.IsSettled run.State))

        if place.Given.Options.Contains <@ Dry_Run @> || unfinished then
            perform place ignore plan jobs next
        else
            // The first batch, or the next one of a search that goes on.
            perform place ignore (next () |> Option.defaultValue plan) jobs next

let private measure (place: Place) =
    perform
        place
        ignore
        (planned place |> selected place.Given)
        (fun plan -> [
            for run in plan.Runs do
                if run.State = RunState.Completed || run.State = RunState.Stale then { Run = run; Work = Measure; Try = 1 }
        ])
        (fun () -> None)

let private confirm (place: Place) =
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

// ── attach, stop, reindex ───────────────────────────────────────────────────────────────────

/// The one sweep that the words mean.
let private oneSweep (place: Place) =
    match sweepFolders place |> List.filter Hold.isAlive, sweepFolders place with
    | [ alive ], _ -> alive
    | [], [ folder ] -> folder
    | [], _ -> usage place.Given.Verb $"no sweep is at work under {relative place.Runs}."
    | several, _ ->
        usage
            place.Given.Verb
            $"{several.Length} sweeps are at work: {listed (several |> List.map (Path.GetFileName >> string))}; name one."

/// The parts of a sweep that are at work: all, or the one that --shard names.
let private working (place: Place) folder =
    match place.Given.Options.TryGetResult <@ Shard @> with
    | None -> Hold.atWork folder
    | Some _ -> Hold.atWork folder |> List.filter ((=) (part place.Given))

let private attach (place: Place) =
    let folder = oneSweep place
    let log part = Path.Combine(folder, Hold.nameOf part + ".log")

    let followed =
        match working place folder, Hold.filed folder ".log" with
        | [], logs -> logs
        | parts, logs -> parts |> List.filter (fun part -> List.contains part logs)

    if followed.IsEmpty then
        usage "attach" $"{relative (log (part place.Given))} is not there: the sweep was not started with --detach. `status` says how it is."

    let readers = [
        for part in followed -> part, new StreamReader(new FileStream(log part, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
    ]

    let mutable speaker = if followed.Length = 1 then Some followed.Head else None
    let mutable last = false

    while not last do
        // Once more after their end, for their last words.
        last <- Hold.atWork folder |> List.forall (fun part -> not (List.contains part followed))

        for part, reader in readers do
            let text = reader.ReadToEnd()

            if text <> "" then
                if speaker <> Some part then Console.WriteLine $"── {Hold.spoken part}"
                speaker <- Some part
                Console.Write text

        if not last then Thread.Sleep 500

    0

let private stop (place: Place) =
    let folder = oneSweep place

    match working place folder with
    | [] -> usage "stop" $"no sweep is at work in {relative folder}."
    | parts ->
        Hold.stop folder parts

        for part in parts do
            Console.WriteLine
                $"{Path.GetFileName folder}: {Hold.spoken part}{Hold.who folder part} is asked to stop; its runs write checkpoints first."

        0

// ── The whole ───────────────────────────────────────────────────────────────────────────────

let private help (sweep: Declare.Sweep) =
    let lines = StringBuilder()
    let say (line: string) = lines.AppendLine line |> ignore
    say "dotnet fsi experiments/sweep.fsx [verb] [overrides…] [--options]"
    say ""

    for verb, says in verbs do
        say $"  {verb, -8} {says}"

    say ""
    say "Overrides, each one argument; commas and functions make axes:"
    say "  experiment=mnist  method.steps=20,40  seed=seeds(5)  train.lr=logrange(1e-4,1e-2,3)"
    say "  +key=value adds, ++key=value adds or changes, ~key deletes; name=zip(a.b=[1,2], c=[3,4]) goes in lock step;"
    say "  name=sobol(16, train.lr=log(1e-5,1e-2), method.steps=int(interval(5,40))) draws evenly, tpe(40, …) searches;"
    say "  --or between two lists of overrides makes the union."
    say ""
    say "Options:"

    for case in parser.GetArgumentCases() do
        for name in case.CommandLineNames.Value do
            if name <> "--help" then say $"  {name, -12} {case.Description.Value}"

    say ""
    let declared = sweep.Parts |> List.map (List.map _.Text >> String.concat " ")
    say $"""This script's own sweep: {String.Join(" --or ", declared)}"""
    say "Exit codes: 0 every run completed or pruned, 1 some run failed or diverged, 2 a sentence says what to correct, 130 or 143 stopped."
    Console.Write lines

/// Does what the command line asks of a declared sweep. `folder` is the script's own, where `configs` lies. Returns the exit code.
let main (folder: string) (sweep: Declare.Sweep) (arguments: string seq) : int =
    try
        let given = read (List.ofSeq arguments)

        for case in given.Options.GetAllResults() |> List.map parser.GetArgumentCaseInfo do
            for name in case.CommandLineNames.Value do
                if not (List.contains name (allowed given.Verb)) then
                    let takers = verbs |> List.map fst |> List.filter (fun verb -> List.contains name (allowed verb))
                    usage name $"{given.Verb} takes no {name}; it goes with {listed takers}."

        if not given.Words.IsEmpty && List.contains given.Verb [ "run"; "plan"; "help"; "confirm"; "measure"; "reindex" ] then
            usage given.Words.Head $"{given.Words.Head} is no override; an override is key=value."

        let root = Path.GetDirectoryName(Path.GetFullPath folder) |> string

        let path option (given: string option) name =
            match given with
            | Some "" -> usage option "it needs a folder's path."
            | _ -> Path.GetFullPath(given |> Option.defaultValue (Path.Combine(root, name)))

        let place = {
            Folder = folder
            Root = root
            Sweep = given.Options.TryGetResult <@ CommandLine.Option.Sweep @> |> Option.map SweepFile.ofFile |> Option.defaultValue sweep
            Given = given
            Composer = Composer(Configs(Path.Combine(folder, "configs")), "sweep")
            Catalog = lazy (Catalog.Load(given.Options.GetResults <@ With @>))
            Runs = path "--runs" (given.Options.TryGetResult <@ Runs @>) "runs"
            Reports = path "--reports" (given.Options.TryGetResult <@ Reports @>) "reports"
        }

        match given.Verb with
        | "plan" ->
            let plan = planned place |> selected given
            if given.Options.Contains <@ CommandLine.Option.Json @> then Console.WriteLine(Plan.json plan) else Show.plan plan
            0
        | "status" ->
            match sweepFolders place with
            | [] -> Console.WriteLine $"There is no sweep under {relative place.Runs} yet."
            | folders -> folders |> List.collect (fun folder -> Status.lines folder (Slurm.said folder)) |> List.iter Console.WriteLine

            0
        | "table"
        | "report" -> printTables place
        | "why" ->
            match given.Words with
            | word :: words when Directory.Exists place.Runs && not (runsNamed place.Runs word).IsEmpty ->
                Show.whyOfRun (findRun place.Runs word) words
            | words -> Show.whyOfPlan (planned place) words

            0
        | "diff" ->
            Show.diff place.Runs given.Words
            0
        | "logs" ->
            Show.logs place.Runs given.Words (given.Options.Contains <@ Follow @>)
            0
        | "list" ->
            Show.list place.Composer.Configs (fun () -> place.Catalog.Value) given.Words
            0
        | "confirm" -> confirm place
        | "attach" -> attach place
        | "stop" -> stop place
        | "reindex" ->
            let path, count = Index.rebuild place.Runs
            Console.WriteLine $"{relative path} holds {count} runs."
            0
        | "help" ->
            help sweep
            0
        | "measure" -> measure place
        | "audit" ->
            Audit.perform
                {
                    Root = root
                    Runs = place.Runs
                    Reports = place.Reports
                    Data = dataRoot place
                    Json = given.Options.Contains <@ CommandLine.Option.Json @>
                    Steps = 50L
                    N = given.Options.GetResult(<@ CommandLine.Option.Sample @>, 5)
                    Seed = given.Options.GetResult(<@ CommandLine.Option.Sample_Seed @>, 0)
                    Threads = None
                    Variables = []
                }
                given.Words
        | _ -> run place
    with
    | :? ConfigException as error ->
        eprintfn $"{error.Message}"
        2
    | :? InvalidDataException as error ->
        eprintfn $"{error.Message}"
        2
