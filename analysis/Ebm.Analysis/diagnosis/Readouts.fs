/// Whether the ways to compute the model's log density agree: in one pass from the levels, by annealing, along a ladder, from a proposal, on a grid.
module Ebm.Analysis.Readouts

open System
open Ebm.Analysis.Runs
open Ebm.Analysis.Evidence
open Ebm.Analysis.Finding

let private name = "readout"

/// Errors below this many nats are not reported: a density that is wrong by a factor of e^½ = 1.6 still ranks rows that differ by more.
let private least = 0.5

/// Estimates of the same test rows' likelihood: the metric, and the one with log Z and its error. The rows' energies are common to all, so only
/// the errors of log Z can tell two of them apart.
let private likelihoods (evidence: Evidence) = [
    for likelihood, logZ in [ "ais/nll", "ais/log-z"; "nll", "nll/log-z"; "ladder/nll", "ladder/log-z"; "recovery/nll", "recovery/log-z" ] do
        match metric likelihood evidence, metric logZ evidence with
        | Some value, Some error -> likelihood, value.Value, se error
        | _ -> ()
]

/// Two likelihoods that differ by more than their errors and by more than `least`.
let private contradiction (all: (string * float * float) list) =
    List.allPairs all all
    |> List.tryFind (fun ((_, one, oneSe), (_, other, otherSe)) -> one - other > least && apart (one, oneSe) (other, otherSe) > manyErrors)

/// Metrics that are errors of a log density themselves.
let private errors (evidence: Evidence) = [
    for what in [ "density-readout"; "ladder/grid-error"; "recovery/grid-error"; "ais/gap" ] do
        match metric what evidence with
        | Some found -> what, found
        | None -> ()
]

let private isLarge (found: Metric) = abs found.Value - manyErrors * se found > least

let private judge (evidence: Evidence) =
    let likelihoods, errors = likelihoods evidence, errors evidence
    let unreliable = [
        for what in [ "nll/low-ess" ] do
            match metric what evidence with
            | Some flag when flag.Value > 0.0 -> what
            | _ -> ()
    ]

    let numbers = [
        for what, found in errors -> $"{told what found} nats (metrics.json)"
        for what, value, se in likelihoods -> $"{what} {shown value} ± {shown se} from log Z (metrics.json)"
        for what in unreliable -> $"{what} 1 (metrics.json)"
    ]

    let found verdict says attempt = { finding name verdict says with Evidence = numbers; Try = attempt }

    match errors |> List.tryFind (snd >> isLarge), contradiction likelihoods, unreliable with
    | Some("ais/gap", gap), _, _ ->
        found
            Readout
            $"annealing has not converged: its two directions differ by {shown gap.Value} nats"
            (times 4.0 [ "measure.metrics.ais.rungs" ] evidence)
    | Some("density-readout", error), _, _ ->
        found
            Readout
            $"the density readout is wrong by {shown error.Value} nats, against the grid"
            (times 2.0 [ "train.budget"; "train.steps" ] evidence)
    | Some(what, error), _, _ ->
        found
            Readout
            $"{what} is {shown error.Value} nats"
            (times 4.0 [ $"measure.metrics.{what.Split('/')[0]}.rows"; "measure.metrics.ladder-likelihood.rows" ] evidence)
    | None, Some((one, high, _), (other, low, _)), _ ->
        found
            Readout
            $"{one} and {other} contradict each other by {shown (high - low)} nats"
            (times 4.0 [ "measure.metrics.ais.rungs"; "measure.metrics.likelihood.rows" ] evidence)
    | None, None, what :: _ ->
        found Readout "the proposal has too few effective rows for a likelihood" (times 10.0 [ "measure.metrics.likelihood.rows" ] evidence)
    | None, None, [] ->
        match errors, likelihoods with
        | [], []
        | [], [ _ ] -> found NotMeasured "there is no second way to compute this run's log density" None
        | _ -> found Fine "the ways to compute the log density agree" None

/// The density readout, annealing, ladder, proposal and grid against each other.
let check = { Name = name; Reads = "metrics density-readout, ais, likelihood, ladder-likelihood"; Judge = judge }
