/// What tables say of a handful of seeds: means, spreads, and intervals that cover what they claim.
module Ebm.Tests.Laws.StatisticsLaws

open System
open Ebm.Analysis.Statistics
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// How often the interval of n draws holds the mean.
let private covers log n (half: float list -> float) =
    let rng = rng $"covers {log} {n}"

    [|
        for draw in Array.chunkBySize n (values (rng.Normal(int64 n * 4000L))) do
            let draw = List.ofArray draw
            let draw = if log then List.map exp draw else draw

            match (summarise log draw).Interval with
            | StudentT(low, high) ->
                let centre = (low + high) / 2.0
                let scale = half draw / halfWidth draw
                abs centre <= (high - low) / 2.0 * scale
            | StudentTOfLog(low, high) -> low <= 1.0 && 1.0 <= high
            | TooFew -> false
    |]
    |> Close.share

let all = [
    law "Student's interval covers 95 % of normal means, from three values on" (fun () ->
        for n in [ 3; 5; 10 ] do
            Close.near $"coverage of {n}" 0.95 (covers false n halfWidth))
    |> breaks "the normal quantile at three values" (fun () ->
        Close.near "coverage of 3" 0.95 (covers false 3 (fun v -> halfWidth v * 1.96 / 4.30)))

    law "on a logarithmic scale the interval is of the geometric mean, and covers it as often" (fun () ->
        for n in [ 3; 6 ] do
            Close.near $"coverage of {n}" 0.95 (covers true n halfWidth))

    law "mean, spread and median are the formulas; one value has no spread, two have no interval, none has no mean" (fun () ->
        let s = summarise false [ 1.0; 2.0; 6.0 ]
        must "mean, sd, median" (s.N = 3 && abs (s.Mean - 3.0) < 1e-12 && abs (s.Sd - sqrt 7.0) < 1e-12 && s.Median = 2.0)
        must "one value" (Double.IsNaN (summarise false [ 1.0 ]).Sd && (summarise false [ 1.0 ]).Interval = TooFew)
        must "two values" ((summarise false [ 1.0; 2.0 ]).Interval = TooFew)
        must "no value" (Double.IsNaN (summarise false []).Mean)
        must "an infinite value has no interval" ((summarise false [ 1.0; 2.0; infinity ]).Interval = TooFew))
]
