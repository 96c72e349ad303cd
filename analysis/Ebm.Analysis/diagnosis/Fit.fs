/// Whether the model is better than a Gaussian with the data's mean and covariance, which needs no training.
module Ebm.Analysis.Fit

open Ebm.Analysis.Evidence
open Ebm.Analysis.Finding

let private name = "fit"

let private more (evidence: Evidence) = times 4.0 [ "train.budget"; "train.steps" ] evidence

let private judge (evidence: Evidence) =
    match metric "grid-kl" evidence, metric "grid-kl/gaussian" evidence with
    | Some kl, Some gaussian ->
        let numbers = [ $"""{told "grid-kl" kl}, {told "grid-kl/gaussian" gaussian} (metrics.json)""" ]

        if kl.Value >= gaussian.Value then
            {
                finding name Model "the density is no better than a Gaussian with the data's moments" with
                    Evidence = numbers
                    Try = more evidence
            }
        else
            { finding name Fine "the density is better than a Gaussian with the data's moments" with Evidence = numbers }
    | _ ->
        match metric "energy-distance" evidence, metric "energy-distance/gaussian" evidence with
        | Some distance, Some gaussian ->
            let numbers = [ $"""{told "energy-distance" distance}, {told "energy-distance/gaussian" gaussian} (metrics.json)""" ]

            if apart (distance.Value, se distance) (gaussian.Value, se gaussian) > manyErrors then
                {
                    finding name SamplerOrModel "samples are farther from the data than a Gaussian's" with
                        Evidence = numbers
                        Try = more evidence
                }
            else
                { finding name Fine "samples are no farther from the data than a Gaussian's" with Evidence = numbers }
        | _ -> finding name NotMeasured "neither grid-kl nor energy-distance was measured"

/// The model against a Gaussian.
let check = { Name = name; Reads = "metrics grid-kl and energy-distance"; Judge = judge }
