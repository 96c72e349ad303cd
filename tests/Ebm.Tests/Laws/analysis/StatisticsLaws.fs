/// Statistics of a few seeds: means, spreads, and intervals with the stated coverage.
module Ebm.Tests.Laws.StatisticsLaws

open System
open Ebm.Analysis
open Ebm.Analysis.Statistics
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private generator name = Generator.Of("laws", name)
let private summarise log values = Statistics.summarise (generator "summary") log values

let private near what tolerance (due: float) (found: float) =
    must $"{what} is {found:R}, {due:R} is expected" (abs (found - due) <= tolerance)

/// The interval that a table would choose, by its bounds.
let private chosen log name (values: float[]) =
    let low, high, _ = bounds (Statistics.summarise (generator name) log (List.ofArray values))
    low, high

/// The error of a coverage of 95 % is below .3 % with this number; a bootstrap gets fewer, because it is slow.
let private replicates n = if n < manyValues then 20_000 else 6000

/// The standard deviation without care for the range of numbers.
let private plainSd (values: float list) =
    if values.Length < 2 then
        nan
    else
        let centre = List.average values
        sqrt ((values |> List.sumBy (fun value -> (value - centre) * (value - centre))) / float (values.Length - 1))

/// Multiplying values by a power of two multiplies mean, centre, deviation, median and interval by it, to the last digit.
let private scales (summarise: Generator -> bool -> float list -> Summary) =
    for n in [ 1; 2; 3; 4; 8; 25 ] do
        for log in [ false; true ] do
            let values = [ for i in 1..n -> 1.0 + 0.4 * sin (float (i * i)) ]
            let due = Statistics.summarise (generator "scales") log values

            for power in [ 1000; 1021; -1000 ] do
                let up value = Math.ScaleB(value, power)
                let found = summarise (generator "scales") log (List.map up values)
                let what = $"of {n} values times two to the {power}"
                // The values are divided by another power of two than 2^power, which moves their logarithms by a rounding.
                let same name (due: float) (found: float) =
                    must
                        $"{name} {what} is {found:R}, {up due:R} is expected"
                        (Double.IsNaN due && Double.IsNaN found || abs (found - up due) <= 1e-13 * abs (up due))

                same "the mean" due.Mean found.Mean
                same "the centre" due.Centre found.Centre
                same "the deviation" due.Sd found.Sd
                same "the median" due.Median found.Median
                let (low, high, name), (foundLow, foundHigh, foundName) = bounds due, bounds found
                must $"the interval {what} is {foundName}, {name} is expected" (name = foundName)
                same "the lower bound" low foundLow
                if up high < infinity then same "the upper bound" high foundHigh

/// How often the interval of n draws contains the mean.
let private covers log n (interval: string -> float[] -> float * float) =
    let rng = rng $"covers {log} {n}"
    let truth = if log then 1.0 else 0.0

    [|
        for i, draw in Array.indexed (Array.chunkBySize n (values (rng.Normal(int64 n * int64 (replicates n))))) do
            let low, high = interval (string i) (if log then Array.map exp draw else draw)
            low <= truth && truth <= high
    |]
    |> Close.share

/// Between 93 and 97 % for nominal 95 %, by more than the simulation's error.
let private coversWell what estimate =
    Close.above $"coverage of {what}" 0.93 estimate
    Close.below $"coverage of {what}" 0.97 estimate

/// The .025 and .975 quantiles of the means of resamples: this interval is too narrow for few values.
let private percentile (name: string) (values: float[]) =
    let generator = generator name
    let means = Array.init 399 (fun _ -> Array.init values.Length (fun _ -> values[generator.Below values.Length]) |> Array.average)
    Array.sortInPlace means
    means[9], means[389]

let private withNormalQuantile (_: string) (values: float[]) =
    let centre = Array.average values
    let variance = (values |> Array.sumBy (fun v -> (v - centre) * (v - centre))) / float (values.Length - 1)
    let half = 1.96 * sqrt (variance / float values.Length)
    centre - half, centre + half

/// The bootstrap-t of all resamples, by enumeration instead of sampling.
let private enumerated (values: float[]) =
    let n = values.Length
    let spread (sample: float[]) (centre: float) =
        sqrt ((sample |> Array.sumBy (fun v -> (v - centre) * (v - centre))) / float (n - 1) / float n)

    let centre = Array.average values
    let every = pown n n

    let t =
        Array.init every (fun code ->
            let sample = Array.init n (fun i -> values[code / pown n i % n])
            let mean = Array.average sample
            if abs (mean - centre) < 1e-12 then 0.0 else (mean - centre) / spread sample mean)
        |> Array.sort

    t, spread values centre, centre

let private isOfAllResamples (interval: float[] -> float * float) =
    let values = [| 0.1; 0.7; 1.1; 2.9; 4.0 |]
    let t, se, centre = enumerated values
    let low, high = interval values

    for what, due, bound in [ "low", 0.975, (centre - low) / se; "high", 0.025, (centre - high) / se ] do
        let upTo x = float (t |> Array.filter (fun t -> t <= x) |> Array.length) / float t.Length
        let below, above = upTo (bound - 1e-9), upTo (bound + 1e-9)
        // The share of all resamples below the bound equals that of the sampled ones within k standard errors.
        let error = Close.k * sqrt (0.025 * 0.975 / float resamples) + 1.0 / float resamples
        must $"{what}: the bound is the quantile {below:F4} to {above:F4}" (below - error <= due && due <= above + error)

/// Student's extra hours of sleep with two drugs, ten patients (Student 1908); R's t.test gives the interval .7001 to 2.4599.
let private sleep = [| 1.2; 2.4; 1.3; 1.3; 0.0; 1.0; 1.8; 0.8; 4.6; 1.4 |]

let all = [
    law "the interval that a table would choose covers 93 to 97 % of normal means, for 3, 5, 10 and 20 seeds" (fun () ->
        for n in [ 3; 5; 10; 20 ] do
            coversWell $"{n}" (covers false n (chosen false)))
    |> breaks "the normal quantile at ten values" (fun () -> coversWell "10" (covers false 10 withNormalQuantile))
    |> breaks "percentiles of resampled means at five values" (fun () -> coversWell "5" (covers false 5 percentile))

    law "on a logarithmic scale, the interval is for the geometric mean, with the same coverage" (fun () ->
        for n in [ 3; 6; 20 ] do
            coversWell $"{n} logarithms" (covers true n (chosen true)))
    |> breaks "not of the logarithm" (fun () -> coversWell "20" (covers true 20 (chosen false)))

    law "Student's interval is the published one" (fun () ->
        let low, high, name = bounds (summarise false (List.ofArray sleep))
        near "low" 5e-7 0.7001142 low
        near "high" 5e-7 2.4598858 high
        must name (name = "student-t"))
    |> breaks "with n instead of n − 1" (fun () ->
        let low, _ = studentT (Array.append sleep [| 1.58 |])
        near "low" 5e-7 0.7001142 low)

    law "the bootstrap-t's bounds are quantiles of all resamples, within the sampling error" (fun () ->
        isOfAllResamples (fun values -> (bootstrapT (generator "enumerated") values).Value))
    |> breaks "the quantiles are not exchanged" (fun () ->
        isOfAllResamples (fun values ->
            let low, high = (bootstrapT (generator "enumerated") values).Value
            2.0 * Array.average values - high, 2.0 * Array.average values - low))

    law "from twenty values on, the interval is the bootstrap-t, and is longer towards the long tail" (fun () ->
        let skewed = [ for i in 1..20 -> exp (float i / 5.0) ]

        match (summarise false skewed).Interval with
        | BootstrapT(low, high) ->
            let mean = List.average skewed
            must $"{low} {mean} {high}" (high - mean > 1.2 * (mean - low))
        | other -> broken $"%A{other}"

        match (summarise true skewed).Interval with
        | BootstrapTOfLog _ -> ()
        | other -> broken $"%A{other}"

        match (summarise false (List.tail skewed)).Interval with
        | StudentT _ -> ()
        | other -> broken $"%A{other}"

        // Resamples without spread have no studentized mean.
        match (summarise false (1.0 :: List.replicate 19 0.0)).Interval with
        | StudentT _ -> ()
        | other -> broken $"%A{other}")

    law "mean, spread and median follow the formulas; one value has no spread, two have no interval, none has no mean" (fun () ->
        let s = summarise false [ 1.0; 2.0; 6.0 ]
        must "mean, sd, median" (s.N = 3 && abs (s.Mean - 3.0) < 1e-12 && abs (s.Sd - sqrt 7.0) < 1e-12 && s.Median = 2.0)
        must "one value" (Double.IsNaN (summarise false [ 1.0 ]).Sd && (summarise false [ 1.0 ]).Interval = TooFew)
        must "two values" ((summarise false [ 1.0; 2.0 ]).Interval = TooFew)
        must "no value" (Double.IsNaN (summarise false []).Mean)
        must "an infinite value has no interval" ((summarise false [ 1.0; 2.0; infinity ]).Interval = TooFew)
        near "the geometric mean" 1e-12 2.0 (summarise true [ 1.0; 2.0; 4.0 ]).Centre)

    law "resampling gives the same numbers on every machine, and other numbers for each purpose" (fun () ->
        // The first outputs for the seed 1234567, as published with the algorithm.
        let found = let generator = Generator 1234567UL in [ for _ in 1..5 -> generator.Next() ]
        let due = [ 6457827717110365317UL; 3203168211198807973UL; 9817491932198370423UL; 4593380528125082431UL; 16408922859458223821UL ]
        must $"%A{found}" (found = due)
        must "one stream for two purposes" (Generator.Of("a", "b").Next() <> Generator.Of("a", "c").Next())
        let draws = let generator = generator "below" in Array.init 30000 (fun _ -> generator.Below 3)

        for face in 0..2 do
            Close.near $"the share of {face}" (1.0 / 3.0) (Close.share (draws |> Array.map ((=) face))))

    law "Wilson's interval for a rate is the published one, and stays within 0 and 1" (fun () ->
        // Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        for hits, n, low, high in [ 81, 263, 0.2553, 0.3662; 15, 148, 0.0624, 0.1605; 0, 20, 0.0, 0.1611; 1, 29, 0.0061, 0.1718 ] do
            let foundLow, foundHigh = wilson hits n
            near $"{hits} of {n}: low" 5e-5 low foundLow
            near $"{hits} of {n}: high" 5e-5 high foundHigh

        must "all of them" (snd (wilson 5 5) = 1.0 && fst (wilson 5 5) > 0.5)
        must "nothing asked" (wilson 0 0 = (0.0, 1.0)))
    |> breaks "Wald's interval" (fun () ->
        let p = 81.0 / 263.0
        near "low" 5e-5 0.2553 (p - 1.96 * sqrt (p * (1.0 - p) / 263.0)))

    law "the interquartile mean leaves out the lowest and the highest quarter" (fun () ->
        near "of twelve" 1e-12 6.5 (interquartileMean [| 5.0; 8.0; 4.0; 38.0; 8.0; 6.0; 9.0; 7.0; 7.0; 3.0; 1.0; 6.0 |])
        near "of six: one at either end" 1e-12 3.5 (interquartileMean [| 100.0; 1.0; 2.0; 3.0; 4.0; 5.0 |])
        must "of none" (Double.IsNaN(interquartileMean [||])))
    |> breaks "a mean" (fun () -> near "of six" 1e-12 3.5 (Array.average [| 100.0; 1.0; 2.0; 3.0; 4.0; 5.0 |]))

    law "a stratified bootstrap resamples within tasks: differences between tasks do not add to the uncertainty" (fun () ->
        let mean (strata: float[][]) = strata |> Array.concat |> Array.average
        let apart = stratifiedBootstrap (generator "strata") mean [| Array.replicate 5 0.0; Array.replicate 5 100.0 |]
        must $"%A{apart}" (apart = (50.0, 50.0))

        // For one stratum with many values, it is the normal interval with the plug-in variance.
        let draws = values ((rng "strata").Normal 400L)
        let centre = Array.average draws
        let half = 1.96 * sqrt ((draws |> Array.averageBy (fun v -> (v - centre) * (v - centre))) / 400.0)
        let low, high = stratifiedBootstrap (generator "one stratum") mean [| draws |]
        // The error of the .025 quantile of 1999 normal draws is 2.67 times their spread over √1999.
        let error = Close.k * 2.67 / sqrt 1999.0 * half / 1.96
        near "low" error (centre - half) low
        near "high" error (centre + half) high)
    |> breaks "resampled across tasks" (fun () ->
        let mean (strata: float[][]) = strata |> Array.concat |> Array.average
        let whole = [| Array.append (Array.replicate 5 0.0) (Array.replicate 5 100.0) |]
        must "apart" (stratifiedBootstrap (generator "strata") mean whole = (50.0, 50.0)))

    law "values at the ends of the range of numbers have the statistics of ordinary values, scaled" (fun () -> scales Statistics.summarise)
    |> breaks "squares beyond the range" (fun () ->
        scales (fun generator log values -> { Statistics.summarise generator log values with Sd = plainSd values }))
    |> breaks "a sum beyond the range" (fun () ->
        scales (fun generator log values -> { Statistics.summarise generator log values with Mean = List.average values }))

    law "the mean of equal values is their value, up to the largest number" (fun () ->
        for value in [ 1e308; -1e308; Double.MaxValue; 1e15; 5e-324; 1e-200 ] do
            for n in [ 1; 2; 3; 4; 25 ] do
                let summary = summarise false (List.replicate n value)
                near $"the mean of {n} times {value:R}" (abs value * 1e-15) value summary.Mean
                near $"the median of {n} times {value:R}" 0.0 value summary.Median
                if n > 1 then near $"the deviation of {n} times {value:R}" (abs value * 1e-15) 0.0 summary.Sd)
    |> breaks "a sum beyond the range" (fun () -> near "mean" 1e293 1e308 (List.average [ 1e308; 1e308 ]))

    law "decimals show two digits of the uncertainty, also after rounding" (fun () ->
        for uncertainty, due in [ 0.00056, 5; 0.5, 2; 0.0996, 2; 0.0994, 3; 12.3, 0; 99.6, 0; 1.0, 1; 9.96, 0 ] do
            let found = decimals uncertainty
            must $"{uncertainty}: {found} decimals, {due} are expected" (found = due))
]
