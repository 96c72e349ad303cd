/// What a diagnosis reads: the records of one run, each file at most once and only if a check asks for it. A record that is missing, damaged or
/// not finite is None, so a check says "not measured" and never judges by it.
module Ebm.Analysis.Evidence

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open Ebm.Records
open Ebm.Analysis.Runs

type Evidence = {
    Run: Run
    /// What training recorded of gap, magnitude and acceptance, oldest first, by its whole name, such as energy/accepted/2. NaN and infinite values
    /// are kept.
    Series: Lazy<Dictionary<string, List<float>>>
    /// An array of arrays/, by name.
    Array: string -> NamedArray option
    Plane: Lazy<Plane.Plane option>
}

/// None for a file that is missing or damaged; `audit verify` reports damaged ones.
let private readable (read: unit -> 'a option) =
    try
        read ()
    with
    | :? InvalidDataException
    | :? IOException
    | :? UnauthorizedAccessException
    | :? ConfigException -> None

let private series (folder: RunFolder) =
    let all = Dictionary<string, List<float>>(StringComparer.Ordinal)

    readable (fun () ->
        for event in folder.EventsWith("/gap", "/magnitude", "/accepted") do
            match all.TryGetValue event.What with
            | true, values -> values.Add event.Value
            | _ -> all[event.What] <- List [ event.Value ]

        Some())
    |> ignore

    all

/// The records of a run.
let of' (run: Run) : Evidence =
    let folder = readable (fun () -> Some(RunFolder.Open run.Path))
    let array name = folder |> Option.bind (fun folder -> readable (fun () -> Option.ofObj (folder.Array name)))

    let samples =
        lazy
            (folder
             |> Option.bind (fun folder ->
                 readable (fun () ->
                     let struct (values, shape) = folder.Samples()
                     if values.Length = 0 then None else Some(values, shape))))

    {
        Run = run
        Series = lazy (folder |> Option.map series |> Option.defaultWith Dictionary)
        Array = array
        Plane = lazy (Plane.of' array samples)
    }

/// The series of a quantity, such as gap, over all parts and levels.
let recorded (name: string) (evidence: Evidence) = [
    for KeyValue(what, values) in evidence.Series.Value do
        match what.Split '/' with
        | parts when parts.Length > 1 && parts[1] = name -> what, values.ToArray()
        | _ -> ()
]

/// A metric whose value is finite.
let metric name (evidence: Evidence) = evidence.Run.Metrics.TryFind name |> Option.filter (fun metric -> Double.IsFinite metric.Value)

/// The standard error of a metric; 0 if it has none.
let se (metric: Metric) = metric.Se |> Option.filter Double.IsFinite |> Option.defaultValue 0.0

/// A number for a setting: two digits, without an exponent or a sign of its own.
let private setting (value: float) =
    let unit = Math.Pow(10.0, floor (log10 value) - 1.0)
    (decimal (Math.Round(value / unit)) * decimal unit).ToString("0.############", CultureInfo.InvariantCulture)

/// A number for a sentence.
let shown (value: float) = Figure.rounded 2 value

/// A metric for a sentence: its name, value and standard error.
let told (name: string) (metric: Metric) =
    match metric.Se with
    | Some se when Double.IsFinite se -> $"{name} {shown metric.Value} ± {shown se}"
    | _ -> $"{name} {shown metric.Value}"

/// Two numbers with standard errors: by how many standard errors of the difference the first is larger.
let apart (one: float, oneSe: float) (other: float, otherSe: float) =
    let se = sqrt (oneSe * oneSe + otherSe * otherSe)
    if se > 0.0 then (one - other) / se else 0.0

/// Values of a run that tell how it went on: fewer are its first steps alone, and cannot show a trend at the level of three standard errors.
let fewest = 16

let private parsed (text: string) =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, value -> Some value
    | _ -> None

/// A setting as the command had it; else as the config has it. Both without the .0 of a whole number.
let private asked (key: string) (now: string) (evidence: Evidence) =
    let text = evidence.Run.Asked.TryFind key |> Option.filter (fun typed -> parsed typed = parsed now) |> Option.defaultValue now
    if text.EndsWith(".0", StringComparison.Ordinal) then text.Substring(0, text.Length - 2) else text

/// The first of some settings that this run's config has with a number, changed: "method.sample-steps=800 instead of 200". The resolved config
/// has every setting of the run's method, so no other method's setting is proposed.
let changed (change: float -> float) (keys: string list) (evidence: Evidence) =
    keys
    |> List.tryPick (fun key ->
        match evidence.Run.Config.TryFind key with
        | Some now ->
            match parsed now with
            // Beyond these, no change makes a sensible setting.
            | Some value when value > 1e-9 && value < 1e15 -> Some $"{key}={setting (change value)} instead of {asked key now evidence}"
            | _ -> None
        | None -> None)

/// The first of some settings that this run's config has with a number, multiplied.
let times (factor: float) = changed ((*) factor)

/// Longer chains to draw samples.
let longerChains (evidence: Evidence) =
    times 4.0 [ "method.sample-steps"; "method.sample-row-moves"; "method.sampler.steps"; "method.sampler.pool" ] evidence
