/// Whether the chains that draw samples follow the model's density: their stationary law, if they run long enough.
///
/// On a grid it is known: samples are compared with the model's mass. If they are much nearer to the data than to the model, the density is at fault, and
/// chains that stop early hide it. Elsewhere chains are compared with longer ones: if these are nearer to the
/// data, generation is too short; if they are farther away, only short chains look like the data, and the density does not.
module Ebm.Analysis.Chains

open System
open MathNet.Numerics.Statistics
open Ebm.Records
open Ebm.Analysis.Evidence
open Ebm.Analysis.Finding

let private name = "chains"

/// Chains with a lower acceptance count as frozen; the same share as train.health.accepted.
let private frozen = 0.05

/// The sampler is blamed from this error on, in nats. By Pinsker's inequality at most √(.05/2) = 16 % of the samples are then misplaced; a
/// smaller error shows in no figure.
let private least = 0.05

/// Above this R̂, chains disagree (Gelman and Rubin 1992; Gelman et al., Bayesian Data Analysis, 3rd ed., § 11.4).
let private disagreeing = 1.1

/// Longer chains in training, so that the density learns where they end.
let private train (evidence: Evidence) = times 4.0 [ "method.steps"; "method.row-moves" ] evidence

/// The lowest median acceptance in the last quarter of training, over parts and levels. If training diverged in its first steps, the chains had no
/// density to follow, and nothing is said of them.
let private acceptance (evidence: Evidence) =
    recorded "accepted" evidence
    |> List.choose (fun (what, values) ->
        let last = values[values.Length * 3 / 4 ..] |> Array.filter Double.IsFinite
        // Unadjusted chains accept everything, which says nothing.
        let hasBegun = evidence.Run.State <> RunState.Diverged || values.Length >= fewest
        if not hasBegun || last.Length = 0 || Array.forall ((=) 1.0) last then None else Some(what, Statistics.Median last))
    |> List.sortBy snd
    |> List.tryHead

/// The distances to the data of the shortest and of the longest chains.
let private longRun (evidence: Evidence) =
    let runs =
        evidence.Run.Metrics
        |> Map.toList
        |> List.choose (fun (what, metric) ->
            match what.Split '/' with
            | [| "long-run"; times |] when Double.IsFinite metric.Value ->
                match Int32.TryParse times with
                | true, times -> Some(times, metric)
                | _ -> None
            | _ -> None)
        |> List.sortBy fst

    match runs with
    | (short, one) :: (_ :: _ as rest) ->
        let long, other = List.last rest
        Some(short, one, long, other)
    | _ -> None

let private judge (evidence: Evidence) =
    let accepted, drift = acceptance evidence, longRun evidence

    let distances = evidence.Plane.Value |> Option.filter (fun plane -> plane.Samples.Length >= 100) |> Option.map Plane.distances

    let mixed = metric "chains/r-hat" evidence

    let numbers = [
        match distances with
        | Some found ->
            $"samples are {shown found.Sampler} ± {shown found.SamplerSe} nats from the model, the model {shown found.Model} from the data (samples.npy, arrays/landscape, arrays/truth)"
        | None -> ()
        match drift with
        | Some(short, one, long, other) ->
            let one, other = told $"long-run/{short}" one, told $"long-run/{long}" other
            $"{one}, {other} (metrics.json)"
        | None -> ()
        match accepted with
        | Some(what, value) -> $"acceptance {shown value} in the last quarter of training, the lowest: {what} (events.jsonl)"
        | None -> ()
        for what in [ "chains/r-hat"; "chains/autocorrelation-time"; "chains/ess" ] do
            match metric what evidence with
            | Some found -> $"{told what found} (metrics.json)"
            | None -> ()
    ]

    let found verdict says attempt = { finding name verdict says with Evidence = numbers; Try = attempt }

    let drifted = drift |> Option.map (fun (short, one, long, other) -> short, long, apart (other.Value, se other) (one.Value, se one))

    match accepted, distances, drifted with
    | Some(what, value), _, _ when value < frozen ->
        found
            Sampler
            $"chains hardly move: {what} is {shown value}"
            (times 0.3 [ "method.step"; "method.row-step"; "method.sampler.step" ] evidence)
    | _, Some far, _ when far.Sampler > least && far.Sampler > manyErrors * far.SamplerSe && far.AreBetter ->
        found Model $"samples are {shown far.Sampler} nats from the density, and much nearer to the data" (train evidence)
    | _, Some far, _ when far.Sampler > least && far.Sampler > manyErrors * far.SamplerSe ->
        found Sampler $"samples do not follow the model: {shown far.Sampler} nats from it" (longerChains evidence)
    | _, None, Some(short, long, change) when change < -manyErrors ->
        found Sampler $"chains stop early: {long / short} times as long they come nearer to the data" (longerChains evidence)
    | _, _, Some(short, long, change) when change > manyErrors ->
        found Model $"only short chains look like data: {long / short} times as long they leave it" (train evidence)
    | _, Some far, _ -> found Fine $"samples follow the model, to {shown (max 0.0 far.Sampler)} nats" None
    | _, None, Some _ -> found Fine "longer chains stay where the samples are" None
    | _, None, None ->
        match mixed with
        | Some rhat when rhat.Value - 2.0 * se rhat > disagreeing ->
            found Sampler $"chains do not mix: R̂ is {shown rhat.Value}" (longerChains evidence)
        | Some rhat -> found Fine $"chains mix: R̂ is {shown rhat.Value}" None
        | None -> found NotMeasured "no grid, no longer chains (metric long-run), no chain statistics" None

/// Chains at their stationary law or not.
let check = {
    Name = name
    Reads = "samples.npy, arrays/landscape, arrays/truth, metrics long-run and chains, events (accepted)"
    Judge = judge
}
