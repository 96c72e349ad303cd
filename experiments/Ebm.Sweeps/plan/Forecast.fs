/// Forecasts the time and disk space of a plan from finished runs of the same data set and method, per unit of work.
module Ebm.Sweeps.Forecast

open System
open System.IO
open Ebm.Records
open Ebm.Sweeps.Mishap
open Ebm.Sweeps.Plan

type Forecast = {
    /// The time of the remaining runs with a known pace, one after the other.
    Seconds: float
    Bytes: float
    /// How many remaining runs have no finished run of their kind.
    Unknown: int
}

/// Runs of the same data set and method are assumed to take the same time per unit of work.
let kind (run: PlannedRun) = run.Config.Text "data.kind", run.Config.Text "method.kind"

/// The budget if there is one, else the rows of training.
let work (run: PlannedRun) =
    match Option.ofNullable run.Spec.Train.Budget, Option.ofNullable run.Spec.Train.Steps with
    | Some budget, _ -> "units", float budget
    | None, Some steps -> "rows", float steps * float run.Spec.Train.Batch
    | None, None -> "rows", 1.0

let private median values = values |> List.sort |> fun sorted -> sorted[sorted.Length / 2]

let private size (folder: string) = FolderTree.Files folder |> Seq.sumBy (fun file -> float (FileInfo file).Length)

/// The seconds of a finished run, those after training, and its bytes; None if they are not recorded, or its folder cannot be read.
let private spent (run: PlannedRun) =
    try
        match RunFolder.Open(run.Folder).Manifest with
        | null -> None
        | manifest ->
            match manifest.Timing with
            | null -> None
            | timing when timing.Wall.HasValue ->
                let after = if timing.Train.HasValue then timing.Wall.Value - timing.Train.Value else timing.Wall.Value
                Some(timing.Wall.Value, after, size run.Folder)
            | _ -> None
    with Mishap _ ->
        None

let ofPlan (plan: Plan) : Forecast =
    let paces =
        plan.Runs
        |> List.filter (fun run -> run.State = RunState.Completed || run.State = RunState.Stale)
        |> List.groupBy (fun run -> kind run, fst (work run))
        |> List.map (fun (key, runs) ->
            // Nine runs suffice for a median, and keep a plan of thousands of runs quick.
            let measured = [
                for run in List.truncate 9 runs do
                    match spent run with
                    | Some(seconds, after, bytes) -> seconds / snd (work run), after / snd (work run), bytes
                    | None -> ()
            ]

            key, measured)
        |> List.filter (snd >> List.isEmpty >> not)
        |> List.map (fun (key, measured) ->
            let seconds, after, bytes = List.unzip3 measured
            key, (median seconds, median after, median bytes))
        |> Map.ofList

    let left = unfinished plan |> sharing (trained plan)
    let known =
        left |> List.choose (fun (run, trains) -> paces.TryFind(kind run, fst (work run)) |> Option.map (fun pace -> run, trains, pace))

    {
        Seconds = known |> List.sumBy (fun (run, trains, (whole, after, _)) -> (if trains then whole else after) * snd (work run))
        Bytes = known |> List.sumBy (fun (_, _, (_, _, bytes)) -> bytes)
        Unknown = left.Length - known.Length
    }

/// The forecast as a sentence; none if no run is left to do, or no pace is known.
let says (forecast: Forecast) =
    if forecast.Seconds = 0.0 then
        None
    else
        let number (value: float) (digits: string) = value.ToString(digits, Globalization.CultureInfo.InvariantCulture)

        let time =
            match forecast.Seconds with
            | s when s < 90.0 -> $"""{number s "F0"} s"""
            | s when s < 5400.0 -> $"""{number (s / 60.0) "F0"} min"""
            | s -> $"""{number (s / 3600.0) "F1"} h"""

        let others =
            if forecast.Unknown = 0 then "" else $"""; {Ebm.Analysis.Text.counted forecast.Unknown "further run"} cannot be estimated yet"""
        Some $"""To do: about {time} one after the other, and {number (forecast.Bytes / 1e6) "F1"} MB of disk{others}."""
