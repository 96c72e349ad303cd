/// The list of all figures by subject, in the order of a report. A new figure is added only here.
module Ebm.Analysis.Gallery

open Ebm.Analysis.Cast

type Subject = {
    Name: string
    /// What the figure needs, in words.
    Needs: string
    Draw: Cast -> Figure.Figure list
}

let seeds = { Name = "seeds"; Needs = "a metric with a direction: lower or higher is better (metrics.json)"; Draw = Comparing.strips }

let densities = {
    Name = "densities"
    Needs = "a density on a grid (arrays/landscape), which models with a density record for data of one or two dimensions"
    Draw = Portraits.densities
}

let samples = {
    Name = "samples"
    Needs = "samples of two dimensions, a picture of samples, or the energies of samples (samples.npy, samples.png, arrays/energy-samples)"
    Draw = fun cast -> Portraits.grids cast @ Portraits.scatters cast @ Portraits.histograms cast
}

let costs = { Name = "costs"; Needs = "at least two groups with different costs"; Draw = Comparing.fronts }

let curves = {
    Name = "curves"
    Needs = "a gap, acceptance, loss or metric recorded during training (events.jsonl, measures.jsonl)"
    Draw = fun cast -> Training.learning cast @ Training.curves cast
}

let chains = {
    Name = "chains"
    Needs = "recorded chains, or jumps between noise levels (arrays/trajectories, arrays/level-jumps)"
    Draw = fun cast -> Portraits.trajectories cast @ Portraits.jumps cast
}

let settings = {
    Name = "settings"
    Needs = "a numeric setting that varies, or two settings that vary"
    Draw = fun cast -> Comparing.sensitivities cast @ Comparing.parallels cast
}

let outcomes = { Name = "outcomes"; Needs = "a run that did not complete"; Draw = Comparing.outcomes }

let subjects = [ seeds; densities; samples; costs; curves; chains; settings; outcomes ]

/// All figures of a cast for which its runs have data.
let figures (cast: Cast) = subjects |> List.collect (fun subject -> subject.Draw cast)
