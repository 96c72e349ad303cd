/// The list of all figures by subject, in the order of a report. A new figure is added only here.
module Ebm.Analysis.Gallery

open System.Collections.Generic
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
    Draw = fun cast -> Portraits.grids cast @ Portraits.copies cast @ Portraits.scatters cast @ Portraits.histograms cast
}

let costs = { Name = "costs"; Needs = "at least two groups with different costs"; Draw = Comparing.fronts }

let curves = {
    Name = "curves"
    Needs = "a gap, acceptance, loss or metric recorded during training (events.jsonl, measures.jsonl)"
    Draw = fun cast -> Training.learning cast @ Training.curves cast
}

let chains = {
    Name = "chains"
    Needs = "recorded chains, or jumps between noise levels (arrays/trajectories, arrays/film, arrays/level-jumps)"
    Draw = fun cast -> Portraits.trajectories cast @ Portraits.films cast @ Portraits.jumps cast
}

let persistent = {
    Name = "persistent"
    Needs = "persistent chains of two dimensions in the checkpoint of a run that is not completed"
    Draw = Memories.chains
}

let settings = {
    Name = "settings"
    Needs = "a numeric setting that varies, or two settings that vary"
    Draw = fun cast -> Comparing.sensitivities cast @ (if Searching.isSearch cast then [] else Searching.parallels cast)
}

let searches = {
    Name = "searches"
    Needs = "a search (tpe, sobol) or pruned runs, and at least five trials that completed"
    Draw = Searching.figures
}

let outcomes = { Name = "outcomes"; Needs = "a run that did not complete"; Draw = Comparing.outcomes }

let subjects = [ seeds; searches; densities; samples; costs; curves; chains; persistent; settings; outcomes ]

/// The subjects that change while runs train.
let growing = [ curves; persistent ]

/// Figures without panels that an earlier figure has: the loss of a contrastive method, for example, is its gap. A figure without panels is
/// left out.
let distinct (figures: Figure.Figure list) : Figure.Figure list =
    // The default comparison of .NET: in it, two NaN are equal.
    let seen = HashSet<Figure.Axis * Figure.Axis * Figure.Mark list>()
    let picture (panel: Figure.Panel) = panel.X, panel.Y, panel.Marks
    let count (rows: Figure.Row list) = rows |> List.sumBy _.Panels.Length

    [
        for figure in figures do
            let rows = [
                for row in figure.Rows do
                    match row.Panels |> List.filter (picture >> seen.Contains >> not) with
                    | [] -> ()
                    | panels -> { row with Panels = panels }
            ]

            for row in rows do
                for panel in row.Panels do
                    seen.Add(picture panel) |> ignore

            match count figure.Rows - count rows with
            | 0 -> figure
            | left when not rows.IsEmpty ->
                let panels = Text.counted left "panel"
                let note = $" {panels} left out, because a figure above has the same."
                { figure with Rows = rows; Caption = figure.Caption + note }
            | _ -> ()
    ]

/// All figures of a cast for which its runs have data. No picture is there twice.
let figures (cast: Cast) = subjects |> List.collect (fun subject -> subject.Draw cast) |> distinct
