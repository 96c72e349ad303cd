/// The progress of a sweep: live on a terminal, one line per event elsewhere, and as `status` from another shell.
module Ebm.Sweeps.Status

open System
open System.IO
open Spectre.Console
open Spectre.Console.Rendering
open Ebm.Analysis
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan
open Ebm.Sweeps.Child
open Ebm.Sweeps.Launch

let private spoken = Pace.spoken

let private plural (count: int) (thing: string) = if count = 1 then $"1 {thing}" else $"{count} {thing}s"

let private tally (states: RunState list) others =
    let counts = states |> List.countBy id |> dict

    let parts = [
        for state in Enum.GetValues<RunState>() do
            match counts.TryGetValue state with
            | true, count -> count, Kebab.Of state
            | _ -> ()
        yield! others |> List.filter (fst >> (<) 0)
    ]

    let words = String.Join(", ", [ for count, state in parts -> $"{count} {state}" ])
    if parts.IsEmpty then "no runs" else $"""{plural (List.sumBy fst parts) "run"}: {words}"""

/// 12 runs: 4 planned, 7 completed, 1 failed.
let counted (states: RunState list) = tally states []

let private ending (outcome: Outcome) =
    let reason = outcome.Reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
    let again = if outcome.WillRetry then "; it will be retried" else ""
    let shared = outcome.TrainedBy |> Option.map (fun source -> $", with the training of {source}") |> Option.defaultValue ""
    $"{Kebab.Of outcome.State} {outcome.Job.Run.Id} after {spoken outcome.Took}{shared}{reason}{again}"

let private logLines (outcome: Outcome) =
    if outcome.LogEnd.IsEmpty then
        []
    else
        let shown = outcome.LogEnd |> List.skip (max 0 (outcome.LogEnd.Length - 20))
        (shown |> List.map (fun line -> "    " + line)) @ [ $"    (the end of {outcome.Log})" ]

let private left (snapshot: Snapshot) =
    match snapshot.Remaining with
    | Some time when spoken time.Low = spoken time.High -> $"about {spoken time.Median} left"
    | Some time -> $"about {spoken time.Median} left ({spoken time.Low}–{spoken time.High})"
    | None -> "time left not yet known"

let private percent (child: Child) =
    match child.Progress with
    | None -> "starting"
    | Some(Phase.Train, fraction) -> $"{100.0 * fraction:F0} %%"
    | Some(phase, fraction) -> $"{Kebab.Of phase} {100.0 * fraction:F0} %%"

/// The progress of training, which takes most of the time; drawing and measuring follow it.
let private trained (child: Child) =
    match child.Progress with
    | None -> None
    | Some(Phase.Train, fraction) -> Some fraction
    | Some _ -> Some 1.0

// ── Without a terminal ──────────────────────────────────────────────────────────────────────

/// The interval at which long runs print their progress.
let private heartbeat = TimeSpan.FromMinutes 1.0

type private Lines(output: TextWriter) =
    let silence = Diagnostics.Stopwatch.StartNew()

    let say (line: string) =
        output.WriteLine line
        output.Flush()
        silence.Restart()

    interface IDisplay with
        member _.Say says = say says
        member _.Began job = say $"running {job.Run.Id}"

        member _.Ended(outcome, snapshot) =
            let rest = if snapshot.Settled = snapshot.Total || snapshot.Remaining.IsNone then "" else ", " + left snapshot
            say $"{ending outcome} ({snapshot.Settled} of {snapshot.Total}{rest})"
            logLines outcome |> List.iter say

        member _.Tick snapshot =
            if silence.Elapsed > heartbeat then
                for child in snapshot.Active do
                    say $"running {child.Job.Run.Id}, {percent child} ({snapshot.Settled} of {snapshot.Total}, {left snapshot})"

// ── On a terminal ───────────────────────────────────────────────────────────────────────────

let private colour state =
    match state with
    | RunState.Completed
    | RunState.Pruned -> "green"
    | RunState.Diverged
    | RunState.Interrupted
    | RunState.Preempted -> "yellow"
    | RunState.Failed
    | RunState.Timeout -> "red"
    | _ -> "default"

let private bar width (fraction: float option) =
    match fraction with
    | None -> String('·', width)
    | Some fraction ->
        let full = Math.Clamp(int (Math.Round(float width * fraction)), 0, width)
        String('━', full) + String('·', width - full)

let private picture (snapshot: Snapshot) : IRenderable =
    let grid = Grid()
    grid.AddColumn(GridColumn().NoWrap()) |> ignore
    grid.AddColumn(GridColumn().NoWrap()) |> ignore
    grid.AddColumn(GridColumn().NoWrap()) |> ignore

    for child in snapshot.Active do
        grid.AddRow(Markup.Escape child.Job.Run.Id, $"[blue]{bar 24 (trained child)}[/]", $"{percent child}, {spoken child.Elapsed}")
        |> ignore

    let share =
        let inFlight = snapshot.Active |> List.sumBy (trained >> Option.defaultValue 0.0)
        (float snapshot.Settled + inFlight) / float (max 1 snapshot.Total)

    grid.AddRow($"[bold]{snapshot.Settled} of {snapshot.Total}[/]", $"[green]{bar 24 (Some share)}[/]", left snapshot) |> ignore
    grid

type private Live(console: IAnsiConsole, context: LiveDisplayContext) =
    interface IDisplay with
        member _.Say says = console.WriteLine says
        member _.Began _ = ()

        member _.Ended(outcome, _) =
            console.MarkupLine $"[{colour outcome.State}]{Markup.Escape(ending outcome)}[/]"

            for line in logLines outcome do
                console.MarkupLine $"[grey]{Markup.Escape line}[/]"

        member _.Tick snapshot = context.UpdateTarget(picture snapshot)

/// Whether standard output is a terminal that accepts control codes.
let isTerminal () =
    not Console.IsOutputRedirected && Environment.GetEnvironmentVariable "TERM" <> "dumb" && AnsiConsole.Console.Profile.Capabilities.Ansi

/// Does the work with the display for this output.
let during (work: IDisplay -> 'a) : 'a =
    if isTerminal () then
        let console = AnsiConsole.Console
        let mutable result = None
        console.Live(Text "").AutoClear(true).Start(fun context -> result <- Some(work (Live(console, context))))
        result.Value
    else
        work (Lines Console.Out)

// ── From another shell ──────────────────────────────────────────────────────────────────────

/// The widest line of the status, and the column at which its second part begins.
let private width, indent = 100, 14

/// The text in lines of this width, broken at spaces; further lines are indented like the first word after the state.
let rec private wrapped (text: string) : string list =
    if text.Length <= width then
        [ text ]
    else
        match text.LastIndexOf(' ', width) with
        | cut when cut > indent -> text.Substring(0, cut) :: wrapped (String(' ', indent) + text.Substring(cut + 1))
        | _ -> [ text ]

/// Two parts on one line, or on lines of their own if that is too long.
let private folded (head: string) (separator: string) (rest: string) =
    if rest = "" then wrapped head
    elif head.Length + separator.Length + rest.Length <= width then [ head + separator + rest ]
    else wrapped head @ wrapped (String(' ', indent) + rest)

/// In a sweep with more runs, the status leaves out the completed ones and all diagnoses.
let private most = 2000

/// Whose training a run took.
let private sharedBy (manifest: RunManifest | null) =
    match manifest with
    | null -> ""
    | manifest ->
        match manifest.TrainedBy with
        | null -> ""
        | source -> $", training of {source.Run}"

/// The status of a sweep's folder, line by line. For runs without a final state, it includes a scheduler's report.
let lines (folder: string) =
    let now = DateTime.UtcNow
    let told = Launcher.told folder
    let found = RunTree.Look folder

    let isLong = found.Count > most

    let runs = [
        for found in found do
            match found.Run with
            | null -> ()
            | run -> found, run, Launcher.heard (told.TryFind run.Id) (stateIn run.Path found.Manifest)
    ]

    let usual =
        Pace.usual [
            for found, run, (state, _) in runs do
                match found.Manifest with
                | NonNull manifest when state = RunState.Completed ->
                    match manifest.Timing with
                    | NonNull timing -> run.Id, timing
                    | _ -> ()
                | _ -> ()
        ]

    let paces =
        Map [
            for found, run, (state, _) in runs do
                match found.Manifest with
                | NonNull manifest when state = RunState.Running -> run.Id, (manifest, Pace.at now usual run manifest)
                | _ -> ()
        ]

    // A plan that cannot be read is reported by the commands that need it.
    let absent =
        try
            Ebm.Analysis.Plans.absent [ folder ] [ for found in found -> found.Id ]
        with Mishap _ -> []

    let parts = Hold.atWork folder
    let queued = if parts.IsEmpty then [] else Ebm.Analysis.Plans.queued [ folder ] absent
    let name = Path.GetFileName(Path.TrimEndingDirectorySeparator folder)
    let retired = Ebm.Analysis.Retired.read folder

    let imported =
        match
            found |> Seq.filter (fun found -> found.Manifest |> Option.ofObj |> Option.exists (_.Imported >> isNull >> not)) |> Seq.length
        with
        | 0 -> ""
        | count -> $", of which {count} are imported"

    // They need all records of all runs.
    let diagnoses = if isLong then Map.empty else Diagnosis.lines folder
    let working = [ for part in parts -> $", {Hold.spoken part} is running{Hold.who folder part}" ] |> String.concat ""

    let left =
        let active = [
            for KeyValue(id, (manifest, pace)) in paces ->
                let started = manifest.Timing |> Option.ofObj |> Option.bind (fun timing -> Option.ofNullable timing.Started)
                id, started, pace
        ]

        if parts.IsEmpty then
            None
        else
            let pending = [
                for _, run, (state, _) in runs do
                    if state = RunState.Pending then run.Id
            ]

            let begun = [
                for _, run, (state, _) in runs do
                    if state = RunState.Running || state = RunState.Completed then run.Id
            ]
            let waiting = Pace.sharing (Ebm.Analysis.Plans.trainings folder) begun (queued @ pending)
            Pace.sweep usual active waiting now |> Option.map (fun time -> $"about {spoken time.Median} left")

    [
        let counts =
            let counting = runs |> List.filter (fun (_, run, _) -> not (retired.ContainsKey run.Id))

            tally (counting |> List.map (fun (_, _, (state, _)) -> state)) [
                runs.Length - counting.Length, "retired"
                queued.Length, "queued"
                absent.Length - queued.Length, "not started"
            ]
        yield! folded $"{name}: {counts}{imported}{working}" ", " (defaultArg left "")
        if isLong then $"  Completed runs and diagnoses are left out, because there are more than {most} runs."

        for found, run, (state, reason) in runs do
            match retired.TryFind run.Id with
            | Some because ->
                let was = if state = RunState.Completed then "" else $", {Kebab.Of state}"
                yield! folded $"""  {"retired", -11} {run.Id}{was}""" ": " because
            | None when state <> RunState.Completed ->
                let head = $"  {Kebab.Of state, -11} {run.Id}{sharedBy found.Manifest}"
                let because = reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""

                match paces.TryFind run.Id, found.Manifest with
                | Some(_, pace), _ -> yield! folded head ", " (Pace.says pace + because)
                | None, NonNull manifest when manifest.Step > 0L -> yield! folded head ", " $"step {manifest.Step}{because}"
                | _ -> yield! folded head ": " (defaultArg reason "")
            | None -> if not isLong then yield! folded $"  {Kebab.Of state, -11} {run.Id}" "" (sharedBy found.Manifest)

            match diagnoses.TryFind run.Id with
            | Some line -> yield! wrapped (String(' ', indent) + line)
            | None -> ()

        // Retired runs whose folders were removed.
        let there = Collections.Generic.HashSet [ for _, run, _ in runs -> run.Id ]

        for KeyValue(id, because) in retired do
            if not (there.Contains id) then yield! folded $"""  {"retired", -11} {id}, removed""" ": " because

        for other in found do
            match other.Why with
            | NonNull why when other.LooksLikeRun || other.Misplaced -> yield! folded $"""  {"not a run", -11} {other.Id}""" ": " why
            | _ -> ()
    ]
