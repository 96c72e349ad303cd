/// The step, the rate and the time left of a running run, from its folder alone, so that any process that sees the folder can ask.
///
/// The last record in events.jsonl has the step and the units, and the time of the file is the time of that record. The log has the second
/// at which each phase of the run began. What follows training takes as long as in finished runs of the same data set and method, and
/// the rest of drawing or of measuring at least as long as its own pace says.
module Ebm.Sweeps.Pace

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open Ebm.Records
open Ebm.Runs
open Ebm.Sweeps.Mishap

type Pace = {
    /// None until training has begun.
    Phase: Phase option
    /// The last recorded step.
    Step: int64
    /// The number of steps, if training does not end earlier; none if only a budget ends it.
    Steps: int64 option
    /// The share of training that is done, between 0 and 1, by steps or by units, whichever is further.
    Share: float
    /// Steps per second since this attempt began; none during the first record.
    Rate: float option
    /// The time until the run ends; none until the rate is known.
    Left: TimeSpan option
}

/// Data set and method of a run, from its id, without the seed: such runs take about the same time.
let kind (id: string) = Regex.Replace(id, @"-s[0-9]+-[0-9a-f]{12}\z", "")

/// The time of finished runs by kind: whole, and after training.
type Usual = Map<string, TimeSpan list * TimeSpan list>

/// A time that a record has in seconds; records of others may have more of them, or fewer, than a time can have.
let seconds (value: float) = TimeSpan.FromSeconds(if Double.IsNaN value then 0.0 else Math.Clamp(value, 0.0, 9e11))

let usual (finished: (string * Timing) seq) : Usual =
    finished
    |> Seq.toList
    |> List.choose (fun (id, timing) ->
        match Option.ofNullable timing.Wall, Option.ofNullable timing.Train with
        | Some wall, Some train -> Some(kind id, (seconds wall, seconds (wall - train)))
        | _ -> None)
    |> List.groupBy fst
    |> List.map (fun (kind, found) -> kind, found |> List.map snd |> List.unzip)
    |> Map.ofList

let private median (times: TimeSpan list) = (List.sort times)[times.Length / 2]

/// The end of a file that may still grow, up to its last line break; empty if it cannot be read.
let private ending most (path: string) =
    try
        if not (Disk.HasFile path) then
            ""
        else
            use file = Disk.Read path
            file.Seek(-(min file.Length (int64 most)), SeekOrigin.End) |> ignore
            use reader = new StreamReader(file, UTF8Encoding false)
            let text = reader.ReadToEnd()
            text.Substring(0, text.LastIndexOf '\n' + 1)
    with Mishap _ ->
        ""

/// The step and the units of the last record.
let private recorded (folder: RunFolder) =
    let value (line: string) =
        try
            use json = JsonText.Parse line
            let root = json.RootElement
            Some(root.GetProperty("step").GetInt64(), string (root.GetProperty("what").GetString()), root.GetProperty "value" |> string)
        with
        | :? JsonException
        | :? InvalidOperationException
        | :? FormatException
        | :? Collections.Generic.KeyNotFoundException -> None

    let lines = (ending 65536 (folder.In "events.jsonl")).Split('\n', StringSplitOptions.RemoveEmptyEntries)

    lines
    |> Seq.rev
    |> Seq.truncate 2000
    |> Seq.choose value
    |> Seq.tryPick (fun (step, what, value) ->
        match what, Int64.TryParse(value, CultureInfo.InvariantCulture) with
        | "units", (true, units) -> Some(step, units)
        | _ -> None)

/// train.steps and train.budget.
let private ends (folder: RunFolder) =
    use json = JsonText.Parse folder.ConfigJson

    let number (name: string) =
        match json.RootElement.TryGetProperty "train" with
        | true, train when train.ValueKind = JsonValueKind.Object ->
            match train.TryGetProperty name with
            | true, value when value.ValueKind = JsonValueKind.Number ->
                match value.TryGetInt64() with
                | true, value -> Some value
                | _ -> None
            | _ -> None
        | _ -> None

    number "steps", number "budget"

/// The lines of the log about progress: second, done, of, phase.
let private progress (folder: RunFolder) = [
    for found in
        Regex.Matches(
            ending 262144 (folder.In "stdout.log"),
            @"(?m)^ *([0-9]+(?:\.[0-9]+)?) s  progress ([0-9]+) ([0-9]+) (train|sample|measure)$"
        ) do
        let number (i: int) = float (Double.Parse(found.Groups[i].Value, CultureInfo.InvariantCulture))
        number 1, number 2 / max 1.0 (number 3), Kebab.Read<Phase> found.Groups[4].Value |> Option.ofNullable
]

/// The progress of a running run now (UTC), by its folder and its manifest.
let at (now: DateTime) (usual: Usual) (folder: RunFolder) (manifest: RunManifest) : Pace =
    let start = { Phase = None; Step = manifest.Step; Steps = None; Share = 0.0; Rate = None; Left = None }

    try
        let steps, budget = ends folder
        let share step units =
            let of' (done': int64) (whole: int64 option) = whole |> Option.map (fun whole -> float done' / float whole)
            [ of' step steps; of' units budget ] |> List.choose id |> List.fold max 0.0 |> min 1.0

        let after = usual.TryFind(kind folder.Id) |> Option.map (snd >> median)

        match progress folder, manifest.Timing with
        | (began, before, Some Phase.Train) :: _ as lines, timing when not (isNull timing) && (nonNull timing).Started.HasValue ->
            let timing = nonNull timing
            let second, part, phase = List.last lines
            let step, units = recorded folder |> Option.defaultValue (manifest.Step, 0L)
            let done' = share step units
            let trainingBegan = timing.Started.Value + TimeSpan.FromSeconds began
            let written = Disk.Written(folder.In "events.jsonl")
            let spent = (written - trainingBegan).TotalSeconds
            let first = manifest.Parent |> Option.ofObj |> Option.map _.Step |> Option.defaultValue 0L
            let rate = if spent > 0.0 && step > first then Some(float (step - first) / spent) else None
            let phase = defaultArg phase Phase.Train

            let left =
                match phase, rate with
                | Phase.Train, Some _ when done' > before && part < 1.0 ->
                    let training = spent * (1.0 - done') / (done' - before) - (now - written).TotalSeconds
                    Some(TimeSpan.FromSeconds(max 0.0 training) + (after |> Option.defaultValue TimeSpan.Zero))
                | Phase.Train, _ when part < 1.0 -> None
                | _ ->
                    // Drawing or measuring: the rest of what follows training.
                    let trained =
                        lines
                        |> List.tryFind (fun (_, part, phase) -> phase = Some Phase.Train && part >= 1.0)
                        |> Option.map (fun (second, _, _) -> second)
                        |> Option.defaultValue second

                    let since = now - (timing.Started.Value + TimeSpan.FromSeconds trained)

                    let usually = after |> Option.map (fun after -> after - since)

                    let byPace =
                        match lines |> List.find (fun (_, _, its) -> its = Some phase) with
                        | begun, first, _ when part > first ->
                            let ends = second + (second - begun) * (1.0 - part) / (part - first)
                            Some(timing.Started.Value + seconds ends - now)
                        | _ -> None

                    match Option.toList usually @ Option.toList byPace with
                    | [] -> None
                    | known -> Some(max TimeSpan.Zero (List.max known))

            {
                Phase = Some phase
                Step = step
                Steps = steps
                Share = (if phase <> Phase.Train || part >= 1.0 then 1.0 else done')
                Rate = rate
                Left = left
            }
        | _ -> { start with Steps = steps }
    with Mishap _ ->
        start

/// 42 s, 3 min, 2 h 05 min.
let spoken (time: TimeSpan) =
    if time.TotalSeconds < 99.5 then $"{time.TotalSeconds:F0} s"
    elif time.TotalMinutes < 90.0 then $"{time.TotalMinutes:F0} min"
    else $"{int time.TotalHours} h {time.Minutes:D2} min"

/// A rate in steps per second.
let rate (value: float) =
    let text (form: string) = value.ToString(form, CultureInfo.InvariantCulture)
    (if value >= 99.5 then text "0"
     elif value >= 9.95 then text "0.0"
     else text "0.00")
    + " steps/s"

/// "step 350 of 4000", or "step 350, 46 % of training" if a budget ends it.
let step (pace: Pace) =
    match pace.Phase, pace.Steps with
    | None, _ when pace.Step = 0L -> "starting"
    | _, Some steps -> $"step {pace.Step} of {steps}"
    | _, None -> $"step {pace.Step}, {100.0 * pace.Share:F0} %% of training"

/// Step, rate and time left in words.
let says (pace: Pace) =
    let phase =
        match pace.Phase with
        | Some Phase.Sample -> [ "drawing samples" ]
        | Some Phase.Measure -> [ "measuring" ]
        | _ -> []

    let rate =
        match pace.Phase, pace.Rate with
        | Some Phase.Train, Some value -> [ rate value ]
        | _ -> []

    let left = pace.Left |> Option.map (fun time -> $"about {spoken time} left") |> Option.toList
    String.Join(", ", step pace :: phase @ rate @ left)

/// Runs that wait, each with whether it trains, by the trainings of planned runs; `begun` are the runs that are running or completed.
let sharing (trainings: Map<string, string>) (begun: string seq) (waiting: string list) : (string * bool) list =
    let known = HashSet<string>(Seq.choose trainings.TryFind begun)
    [ for id in waiting -> id, trainings.TryFind id |> Option.forall known.Add ]

/// The time until a sweep ends: runs with their pace, and the ids of runs that wait, with whether they train. None until a run gives a pace.
let sweep
    (usual: Usual)
    (active: (string * DateTime option * Pace) list)
    (waiting: (string * bool) list)
    (now: DateTime)
    : Eta.Remaining option =
    let took = [
        for KeyValue(kind, (whole, after)) in usual do
            for time in whole -> (kind, true), time
            for time in after -> (kind, false), time
    ]

    let active: Eta.Active<string * bool> list = [
        for id, started, pace in active ->
            let elapsed = started |> Option.map (fun started -> max TimeSpan.Zero (now - started)) |> Option.defaultValue TimeSpan.Zero
            { Run = (kind id, true); Elapsed = elapsed; Whole = pace.Left |> Option.map (fun left -> elapsed + left) }
    ]

    Eta.remainingBy id (fun _ -> 1.0) (max 1 active.Length) took active [ for id, trains in waiting -> kind id, trains ]
