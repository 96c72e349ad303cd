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

/// 42 s, 3 min, 2 h 05 min.
let spoken (time: TimeSpan) =
    if time.TotalSeconds < 99.5 then $"{time.TotalSeconds:F0} s"
    elif time.TotalMinutes < 90.0 then $"{time.TotalMinutes:F0} min"
    else $"{int time.TotalHours} h {time.Minutes:D2} min"

let private plural (count: int) (thing: string) = if count = 1 then $"1 {thing}" else $"{count} {thing}s"

/// 12 runs: 4 planned, 7 completed, 1 failed.
let counted (states: RunState list) =
    let parts = [
        for state in Enum.GetValues<RunState>() do
            match states |> List.filter ((=) state) |> List.length with
            | 0 -> ()
            | count -> $"{count} {Kebab.Of state}"
    ]

    let tally = String.Join(", ", parts)
    if parts.IsEmpty then "no runs" else $"""{plural states.Length "run"}: {tally}"""

let private ending (outcome: Outcome) =
    let reason = outcome.Reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
    let again = if outcome.WillRetry then "; it will be retried" else ""
    $"{Kebab.Of outcome.State} {outcome.Job.Run.Id} after {spoken outcome.Took}{reason}{again}"

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

/// The status of a sweep's folder, line by line. For runs without a final state, it includes a scheduler's report.
let lines (folder: string) =
    let told = Launcher.told folder
    let found = RunTree.Look folder

    let runs = [
        for run in found |> Seq.choose (_.Run >> Option.ofObj) do
            let state, reason = stateOf run.Path

            match told.TryFind run.Id with
            | Some told when not (RunStates.IsSettled state) ->
                run, (defaultArg told.State state, Some(reason |> Option.defaultValue $"task {told.Task} is {told.Word}"))
            | _ -> run, (state, reason)
    ]

    let name = Path.GetFileName(Path.TrimEndingDirectorySeparator folder)
    let retired = Ebm.Analysis.Retired.read folder

    let imported =
        match
            found |> Seq.filter (fun found -> found.Manifest |> Option.ofObj |> Option.exists (_.Imported >> isNull >> not)) |> Seq.length
        with
        | 0 -> ""
        | count -> $", of which {count} are imported"

    let diagnoses = Diagnosis.lines folder
    let working = [ for part in Hold.atWork folder -> $", {Hold.spoken part} is running{Hold.who folder part}" ] |> String.concat ""

    [
        $"{name}: {counted (runs |> List.map (snd >> fst))}{imported}{working}"
        for run, (state, reason) in runs do
            if state <> RunState.Completed then
                let step =
                    try
                        match run.Manifest with
                        | null -> ""
                        | manifest when manifest.Step > 0L -> $", step {manifest.Step}"
                        | _ -> ""
                    with Mishap _ ->
                        ""
                let reason = reason |> Option.map (fun reason -> ": " + reason) |> Option.defaultValue ""
                $"  {Kebab.Of state, -11} {run.Id}{step}{reason}"
            else
                $"  {Kebab.Of state, -11} {run.Id}"

            match diagnoses.TryFind run.Id with
            | Some line -> $"              {line}"
            | None -> ()

        for KeyValue(run, because) in retired do
            $"""  {"retired", -11} {run}: {because}"""

        for other in found do
            match other.Why with
            | NonNull why when other.LooksLikeRun || other.Misplaced -> $"""  {"not a run", -11} {other.Id}: {why}"""
            | _ -> ()
    ]
