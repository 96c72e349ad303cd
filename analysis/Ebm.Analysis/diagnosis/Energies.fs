/// Whether the energies are calibrated. Training may enlarge energies without end, while the loss of a contrast stays small; and a density may have
/// the right shape and the wrong scale.
module Ebm.Analysis.Energies

open System
open MathNet.Numerics.Statistics
open Ebm.Records
open Ebm.Analysis.Evidence
open Ebm.Analysis.Finding

let private name = "energies"

/// Energies that grow in proportion to the steps are 7/3 as large in the last quarter of training as in the second.
let private growth = 2.0

/// Less than this many nats, a factor e between densities, is no runaway, whatever its growth.
let private least = 1.0

/// A scale beyond this factor: energies of half or twice the size that the data ask for.
let private factor = 2.0

let private quarter (i: int) (values: float[]) = values[i * values.Length / 4 .. (i + 1) * values.Length / 4 - 1]

/// Mann and Kendall's test for a trend: the number of later values that are larger, less that of smaller ones, in standard deviations of the same
/// values in random order.
let private trend (values: float[]) =
    let n = float values.Length

    let sum =
        Seq.sum (
            seq {
                for i in 0 .. values.Length - 1 do
                    for j in i + 1 .. values.Length - 1 -> sign (values[j] - values[i])
            }
        )

    float sum / sqrt (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0)

/// Every k-th value, so that the test does not take quadratic time; at most 64.
let private thinned (values: float[]) =
    let every = max 1 (values.Length / 64)
    values |> Array.indexed |> Array.filter (fun (i, _) -> i % every = 0) |> Array.map snd

type private Growing = { What: string; Before: float; Now: float }

/// A series that grew over the last three quarters of training.
let private grows (what: string, values: float[]) =
    let size = values |> Array.filter Double.IsFinite |> Array.map abs

    if size.Length < fewest then
        None
    else
        let before, now = Statistics.Median(quarter 1 size), Statistics.Median(quarter 3 size)
        let rises = trend (thinned size[size.Length / 4 ..]) > manyErrors
        if now > growth * before && now - before > least && rises then Some { What = what; Before = before; Now = now } else None

let private part (what: string) = what.Split('/')[0]

/// The parts whose gap runs away, with |E| if that was recorded. If |E| alone grows, the energies of data and chains drift together, which
/// changes no density.
let private runaway (evidence: Evidence) =
    let gaps, sizes = recorded "gap" evidence, recorded "magnitude" evidence
    let growing = List.choose grows

    [
        for gap in growing gaps do
            match sizes |> List.filter (fun (what, _) -> part what = part gap.What) with
            | [] -> gap
            | sizes when not (growing sizes).IsEmpty -> gap
            | _ -> ()
    ]

/// A series that ends in values that are not finite.
let private broken (evidence: Evidence) =
    recorded "gap" evidence @ recorded "magnitude" evidence
    |> List.tryFind (fun (_, values) -> values.Length > 0 && not (Double.IsFinite values[values.Length - 1]))

/// Adam changes each weight by about the learning rate in a step. A larger rate than this moves weights, whose size is about 0.1, by a tenth of
/// themselves and more.
let private largestRate = 0.01

/// A lower learning rate: a tenth if training broke off after too few records to show a trend, and no larger one than weights can follow.
let private slower (evidence: Evidence) =
    let isEarly =
        evidence.Run.State = RunState.Diverged && recorded "gap" evidence |> List.forall (fun (_, values) -> values.Length < fewest)

    changed (fun rate -> min largestRate ((if isEarly then 0.1 else 0.3) * rate)) [ "train.lr" ] evidence

let private finiteMean (values: float32[]) =
    let values = values |> Array.map float
    let mean = Array.average values
    mean, (values |> Array.sumBy (fun value -> (value - mean) * (value - mean))) / float (max 1 (values.Length - 1)), float values.Length

/// The energies of samples against those of test rows, where no grid has the density: their gap in standard deviations of the test rows.
let private compared (test: NamedArray) (samples: NamedArray) evidence =
    let test, testVariance, testRows = finiteMean test.Values
    let mean, variance, rows = finiteMean samples.Values
    let gap, se = mean - test, sqrt (testVariance / testRows + variance / rows)
    let spread = sqrt testVariance
    let numbers = [
        $"the samples' mean is {shown gap} ± {shown se} nats from that of test rows, whose spread is {shown spread} (arrays/energy-*)"
    ]

    if abs gap > spread && abs gap > manyErrors * se then
        let side = if gap > 0.0 then "higher" else "lower"

        {
            finding name SamplerOrModel $"samples have {side} energies than data by {shown (abs gap / spread)} of their spread" with
                Evidence = numbers
                Try =
                    times
                        4.0
                        (if gap > 0.0 then
                             [ "method.sample-steps"; "method.sample-row-moves"; "method.sampler.steps" ]
                         else
                             [ "method.steps"; "method.row-moves" ])
                        evidence
        }
    else
        { finding name Fine "samples have the energies of data" with Evidence = numbers }

let private judge (evidence: Evidence) =
    let tells = [
        for what, values in recorded "gap" evidence do
            if values.Length > 0 then
                $"{what} ends at {shown (Statistics.Median(quarter 3 values))} nats, the median of its last quarter (events.jsonl)"
    ]

    match evidence.Run.State, broken evidence, runaway evidence with
    | RunState.Diverged, _, _ -> {
        finding name Model $"training diverged at step {evidence.Run.Step}" with
            Evidence = [ for reason in Option.toList evidence.Run.Reason -> $"{reason} (manifest.json)" ]
            Try = slower evidence
      }
    | _, Some(what, _), _ -> {
        finding name Model $"{what} is not finite" with
            Evidence = [ $"the last value of {what} (events.jsonl)" ]
            Try = slower evidence
      }
    | _, _, gap :: _ -> {
        finding name Model $"energies run away: {gap.What} grew from {shown gap.Before} to {shown gap.Now} nats" with
            Evidence = [
                $"|{gap.What}|: median {shown gap.Before} in the second quarter of training and {shown gap.Now} in the last (events.jsonl)"
            ]
            Try = slower evidence
      }
    | _ ->
        // No scale repairs a density without a mode, and the best one would say nothing.
        match
            evidence.Plane.Value |> Option.filter (Modes.lacksAny >> not), evidence.Array "energy-test", evidence.Array "energy-samples"
        with
        | Some plane, _, _ ->
            let scale = Plane.scale plane
            let numbers = $"times {shown scale}, the energies would fit the data best (arrays/landscape, arrays/truth)" :: tells

            if scale > factor || scale < 1.0 / factor then
                let says = if scale > 1.0 then "too flat" else "too steep"

                {
                    finding name Model $"energies are {says}: times {shown scale} they would fit best" with
                        Evidence = numbers
                        Try = times 2.0 [ "train.budget"; "train.steps" ] evidence
                }
            else
                { finding name Fine "energies have the scale of the data" with Evidence = numbers }
        | None, Some test, Some samples when
            test.Values.Length > 1
            && samples.Values.Length > 1
            && Array.forall Single.IsFinite test.Values
            && Array.forall Single.IsFinite samples.Values
            ->
            let found = compared test samples evidence
            { found with Evidence = found.Evidence @ tells }
        | None, Some _, Some _ -> {
            finding name Model "energies of samples or test rows are not finite" with
                Evidence = [ "arrays/energy-test, arrays/energy-samples" ]
                Try = slower evidence
          }
        | _ ->
            if recorded "gap" evidence |> List.exists (fun (_, values) -> values.Length >= fewest) then
                { finding name Fine "no gap between energies grows without end" with Evidence = tells }
            else
                { finding name NotMeasured "no energies of test rows and samples, and too few records of a gap" with Evidence = tells }

/// Energies calibrated or running away.
let check = {
    Name = name
    Reads = "manifest, events (gap, magnitude), arrays/landscape, truth, energy-test, energy-samples"
    Judge = judge
}
