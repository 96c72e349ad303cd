/// Whether modes are missing, and who lost them: if the model's density has a mode that the samples lack, the sampler; if the density itself lacks
/// it, the model. Modes are those of the true density on the grid.
module Ebm.Analysis.Modes

open System
open Ebm.Analysis.Evidence
open Ebm.Analysis.Finding

let private name = "modes"

/// A mode is missing if less than this share of its weight is left; uneven weights are told as such.
let private missing = 0.25

/// Modes with less true weight than this are not judged: four thousand samples have forty rows of it.
let private least = 0.01

/// Weights are uneven if more than this share of all mass or samples is in other modes than it should be.
let private misplaced = 0.1

/// Modes that a model lacks, given the weights of all modes.
let private lost (truth: float[]) (model: float[]) = [
    for k in 0 .. truth.Length - 1 do
        if model[k] < missing * truth[k] then k
]

/// Whether the model's density lacks a mode of the truth.
let lacksAny (plane: Plane.Plane) =
    let count, mode = plane.Modes.Value
    let truth, model = Plane.masses count mode plane.TruthMass, Plane.masses count mode plane.ModelMass
    lost truth model |> List.exists (fun k -> truth[k] >= least)

/// Half the sum of differences: the share that would have to change its mode.
let private moved (one: float[]) (other: float[]) = (Array.map2 (fun a b -> abs (a - b)) one other |> Array.sum) / 2.0

/// Chains that start anew visit modes that continued chains have left; a model without such chains needs more training.
let private restarts (evidence: Evidence) =
    times 4.0 [ "method.from-noise" ] evidence |> Option.orElse (times 2.0 [ "train.budget"; "train.steps" ] evidence)

let private shares (weights: float[]) = String.Join(", ", weights |> Array.truncate 12 |> Array.map shown)

let private onGrid (plane: Plane.Plane) evidence =
    let count, mode = plane.Modes.Value
    let truth, model = Plane.masses count mode plane.TruthMass, Plane.masses count mode plane.ModelMass
    let n = float plane.Samples.Length
    let drawn = Plane.counts count mode plane |> Array.map (fun count -> float count / n)
    let judged = [
        for k in 0 .. count - 1 do
            if truth[k] >= least then k
    ]
    let pick (all: float[]) = [| for k in judged -> all[k] |]
    let truth, model, drawn = pick truth, pick model, pick drawn

    // The binomial error of a share under the model.
    let lacks k = drawn[k] < missing * model[k] && model[k] - drawn[k] > manyErrors * sqrt (model[k] * (1.0 - model[k]) / n)
    let inModel = lost truth model
    let inSamples = [
        for k in 0 .. truth.Length - 1 do
            if not (List.contains k inModel) && lacks k then k
    ]

    // For exact draws, the share that would have to change its mode has mean Σ √(w(1 − w)/2πn), with an error of about √(K/n)/2.
    let expected = model |> Array.sumBy (fun w -> sqrt (max 0.0 (w * (1.0 - w)) / (2.0 * Math.PI * n)))
    let uneven = moved drawn model - expected
    let isUneven = uneven > misplaced && uneven > manyErrors * sqrt (float truth.Length / n) / 2.0

    let numbers = [
        $"weights of {Text.counted truth.Length (name.TrimEnd 's')}: data {shares truth}; model {shares model}; samples {shares drawn} (arrays/truth, arrays/landscape, samples.npy)"
    ]

    let found verdict says attempt = { finding name verdict says with Evidence = numbers; Try = attempt }
    let of' = Text.counted truth.Length "mode"

    match inModel, inSamples with
    // Whose share is larger; if the samples are nearer to the data than the model is, chains that stop early hide the model's error.
    | [], [] when isUneven && moved model truth <= misplaced || isUneven && moved drawn truth >= moved model truth ->
        found Sampler $"samples weigh modes unlike the model: {shown (100.0 * moved drawn model)} %% are misplaced" (longerChains evidence)
    | [], [] when moved model truth > misplaced ->
        found Model $"the model misplaces {shown (100.0 * moved model truth)} %% of its mass between modes" (restarts evidence)
    | [], [] -> found Fine "every mode has its weight" None
    | [], lost -> found Sampler $"samples lack {lost.Length} of {of'} that the model has" (longerChains evidence)
    | lost, [] -> found Model $"the model lacks {lost.Length} of {of'}" (restarts evidence)
    | lost, alsoLost -> found Model $"the model lacks {lost.Length} of {of'}, samples {alsoLost.Length} more" (restarts evidence)

/// Without a density, only the samples' weights are known.
let private ofSamples evidence =
    match metric "mode-weights" evidence, metric "mode-weights/floor" evidence with
    | Some weights, Some floor ->
        let numbers = [ $"""{told "mode-weights" weights}, {told "mode-weights/floor" floor} (metrics.json)""" ]
        let off = (weights.Value - floor.Value) / 2.0

        if off > misplaced && 2.0 * off > manyErrors * se weights then
            {
                finding name SamplerOrModel $"{shown (100.0 * off)} %% of the samples are in other modes than the data" with
                    Evidence = numbers
                    Try = restarts evidence
            }
        else
            { finding name Fine "samples have the data's mode weights" with Evidence = numbers }
    | _ -> finding name NotMeasured "the data have no known modes, or the model no density on a grid"

let private judge (evidence: Evidence) =
    match evidence.Plane.Value with
    | Some plane when plane.Samples.Length >= 100 -> onGrid plane evidence
    | _ -> ofSamples evidence

/// Modes missing by the model or by the sampler.
let check = { Name = name; Reads = "arrays/landscape, arrays/truth, samples.npy, metric mode-weights"; Judge = judge }
