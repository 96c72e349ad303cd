/// Ends hopeless runs early by the metrics measured during training, compared at equal cost in units, not in seconds or epochs.
///
///     median(grid-kl, from=100000, startup=5)      ends a run that is worse than the median of finished runs at the same cost
///     asha(grid-kl, from=100000, reduction=4)      ends a run outside the best quarter at 100000, 400000, … units (Li et al. 2020)
///     race(grid-kl, alpha=0.1, startup=4)          ends a setting that is worse than the best one, paired by seed, by the exact sign-flip test
///
/// A rule accepts metrics only, because the loss of contrastive divergence does not measure the quality of a model.
module Ebm.Sweeps.Prune

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Ebm.Analysis
open Ebm.Records
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan

type Rule =
    | Median of from: int64 * startup: int
    | Asha of from: int64 * reduction: int
    | Race of alpha: float * startup: int

/// The most units, and the highest count, that a rule may give; products of both fit 64 bits.
let private units, private counts = 1e12, 1e6

/// Throws ConfigException: the given text, and the form of a rule.
let parse (text: string) : string * Rule =
    let refuse says : 'a = raise (ConfigException(Source.CommandLine $"--prune {text}", "", says))
    let found = Regex.Match(text.Trim(), @"\A(\w+)\(\s*([^(),=\s]+)\s*((?:,\s*\w+\s*=\s*[^,()\s]+\s*)*)\)\z")

    if not found.Success then
        refuse
            "a rule must be median(metric, from=units, startup=5), asha(metric, from=units, reduction=4) or race(metric, alpha=0.1, startup=4)."

    let given =
        found.Groups[3].Value.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray
        |> List.map (fun pair -> let cut = pair.Split('=', StringSplitOptions.TrimEntries) in cut[0], cut[1])

    let number highest known key otherwise =
        for name, _ in given do
            if not (List.contains name known) then
                refuse
                    $"unknown setting {name} of {found.Groups[1].Value}. Known settings: {Sentence.listed known}{Spelling.DidYouMean(name, known)}."

        match given |> List.tryFind (fst >> (=) key), otherwise with
        | Some(_, text), _ ->
            match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when value > 0.0 && value <= highest -> value
            | _ -> refuse $"{key} is a positive number, at most {highest}; \"{text}\" is not one."
        | None, Some value -> value
        | None, None -> refuse $"{key} is missing: the units after which a run is judged, such as {key}=100000."

    found.Groups[2].Value,
    match found.Groups[1].Value with
    | "median" ->
        let number highest = number highest [ "from"; "startup" ]
        Median(int64 (number units "from" None), int (number counts "startup" (Some 5.0)))
    | "asha" ->
        let number highest = number highest [ "from"; "reduction" ]
        Asha(int64 (number units "from" None), max 2 (int (number counts "reduction" (Some 4.0))))
    | "race" ->
        let number highest = number highest [ "alpha"; "startup" ]
        Race(number 1.0 "alpha" (Some 0.1), int (number counts "startup" (Some 4.0)))
    | other ->
        let known = [ "asha"; "median"; "race" ]
        refuse $"unknown rule {other}. Known rules: {Sentence.listed known}{Spelling.DidYouMean(other, known)}."

// ── Deciding, from numbers alone: lower is better ───────────────────────────────────────────

/// Units and value of each measurement, in order.
type Curve = (int64 * float) list

let private spoken (value: float) = value.ToString("G4", CultureInfo.InvariantCulture)

/// Why a run with the curve `own` should end, or None. `finished` are the curves of finished runs, `others` those of all runs but this one.
let hopeless rule (finished: Curve list) (others: Curve list) (own: Curve) : string option =
    match rule, List.tryLast own with
    | Median(from, startup), Some(units, _) when units >= from && finished.Length >= startup ->
        let upTo curve = curve |> List.filter (fun (at, _) -> at <= units) |> List.map snd

        match finished |> List.map upTo |> List.filter (List.isEmpty >> not) |> List.map List.average |> List.sort with
        | averages when averages.Length >= startup ->
            let median = averages[(averages.Length - 1) / 2]
            let best = own |> List.map snd |> List.filter (Double.IsNaN >> not) |> List.fold min infinity

            if best > median then
                Some $"its best, {spoken best}, is worse than {spoken median}, the median of {averages.Length} runs up to {units} units"
            else
                None
        | _ -> None
    | Asha(from, reduction), Some(units, value) ->
        let rungs = from |> List.unfold (fun rung -> if rung > units then None else Some(rung, rung * int64 reduction))
        let at rung (curve: Curve) = curve |> List.tryFind (fun (units, _) -> units >= rung)

        match List.tryLast rungs with
        // A run is judged once at each rung: at its first measurement there.
        | Some rung when at rung own |> Option.map fst = Some units ->
            let values = others |> List.choose (at rung >> Option.map snd)
            let better = values |> List.filter (fun other -> other < value || Double.IsNaN value) |> List.length
            let kept = (values.Length + 1) / reduction

            if values.Length + 1 >= reduction && better >= kept then
                Some $"{spoken value} at {rung} units is not among the best {kept} of {values.Length + 1}"
            else
                None
        | _ -> None
    | _ -> None

/// The groups that are significantly worse than the best one, with the reason. A group is its values by seed.
let losers alpha startup (groups: (string * Map<int64, float>) list) : (string * string) list =
    match groups |> List.filter (fun (_, values) -> values.Count >= startup) with
    | [] -> []
    | racing ->
        // Means are comparable only over the same seeds.
        let common = racing |> List.map (fun (_, values) -> Set.ofSeq values.Keys) |> Set.intersectMany

        let mean (values: Map<int64, float>) =
            let shared = values |> Map.filter (fun seed _ -> common.Contains seed)
            (if shared.IsEmpty then values else shared) |> Map.toList |> List.averageBy snd

        let best, ahead = racing |> List.minBy (snd >> mean)

        [
            for group, values in racing do
                if group <> best then
                    let pairs = [|
                        for KeyValue(seed, value) in values do
                            match ahead.TryFind seed with
                            | Some other -> value - other
                            | None -> ()
                    |]

                    if pairs.Length >= startup && Array.sum pairs > 0.0 then
                        // The test is two-sided; half of its p-value is the one-sided one.
                        let p = Significance.signFlip (Generator.Of(group, "race")) pairs / 2.0
                        if p <= alpha then group, $"it loses against {best} on {pairs.Length} common seeds, p = {spoken p}"
        ]

// ── Deciding, from folders ──────────────────────────────────────────────────────────────────

/// Checks that the runs measure the rule's metric, and that they do so during training if the rule needs it. Throws ConfigException.
let check (text: string) (plan: Plan) =
    let metric, rule = parse text
    let source = Source.CommandLine $"--prune {text}"
    Decides.check source metric _.Quantities() plan

    match rule with
    | Race _ -> ()
    | _ ->
        match plan.Runs |> List.tryFind (fun run -> not run.Spec.Measure.Every.HasValue) with
        | Some run -> Sentence.fail source "" $"{run.Id} is not measured during training; set measure.every=200, for example."
        | None -> Decides.check source metric _.Quantities(during = true) plan

    metric, rule

/// A completed run's value of a metric, signed so that lower is better; None also if its folder cannot be read.
let finalValue (metric: string) (folder: string) : float option =
    try
        if not (File.Exists(Path.Combine(folder, "config.json"))) then
            None
        else
            let run = RunFolder.Open folder

            if run.State <> RunState.Completed then
                None
            else
                run.Measurements() |> Seq.tryFind (fun m -> m.Name = metric) |> Option.map (fun m -> m.Better.Cost m.Value)
    with Mishap _ ->
        None

/// Caches the curves of runs; reads one again when its file has grown. A run whose files cannot be read has no curve.
type private Curves(metric: string) =
    let read = Dictionary<string, int64 * Curve>()

    member curves.Of(folder: string) : Curve =
        try
            curves.Read folder
        with Mishap _ -> []

    member private _.Read(folder: string) : Curve =
        let file = FileInfo(Path.Combine(folder, "measures.jsonl"))
        let size = if file.Exists then file.Length else 0L

        match read.TryGetValue folder with
        | true, (before, curve) when before = size -> curve
        | _ when size = 0L -> []
        | _ ->
            let run = RunFolder.Open folder
            let units = [|
                for event in run.Events() do
                    if event.What = "units" then event.Step, event.Value
            |]

            // The units at a measured step are interpolated from the last record before it.
            let at step =
                match units |> Array.tryFindBack (fun (recorded, _) -> recorded <= step) |> Option.orElse (Array.tryHead units) with
                | Some(recorded, units) -> int64 (units * float step / float recorded)
                | None -> 0L

            let curve = [
                for measured in run.Measures() do
                    if measured.Measurement.Name = metric then at measured.Step, measured.Measurement.Better.Cost measured.Measurement.Value
            ]

            read[folder] <- (size, curve)
            curve

/// Decides which runs of a plan should end.
type Pruner(metric: string, rule: Rule, plan: Plan) =
    let curves = Curves metric

    /// The ids of the runs that should end, or should not start, with the reasons.
    member _.Hopeless(active: PlannedRun list, waiting: PlannedRun list) : (string * string) list =
        match rule with
        | Race(alpha, startup) ->
            let groups =
                plan.Runs
                |> List.groupBy _.Group
                |> List.map (fun (group, runs) ->
                    group,
                    Map.ofList [
                        for run in runs do
                            match finalValue metric run.Folder with
                            | Some value -> run.Spec.Seed, value
                            | None -> ()
                    ])

            let lost = Map.ofList (losers alpha startup groups)
            [
                for run in active @ waiting do
                    match lost.TryFind run.Group with
                    | Some why -> run.Id, why
                    | None -> ()
            ]
        | _ ->
            let isActive (run: PlannedRun) = active |> List.exists (fun other -> other.Id = run.Id)
            let known = [ for run in plan.Runs -> run, curves.Of run.Folder ]
            let finished = [
                for run, curve in known do
                    if not (isActive run) && not curve.IsEmpty then curve
            ]

            [
                for run in active do
                    let own = curves.Of run.Folder
                    let others = [
                        for other, curve in known do
                            if other.Id <> run.Id && not curve.IsEmpty then curve
                    ]

                    match hopeless rule finished others own with
                    | Some why -> run.Id, why
                    | None -> ()
            ]
