/// A model's density, the true density and the samples on one grid of cells, for data of one or two numbers per row. Only here are both halves of
/// the error known: how far the samples are from the model (the sampler's error), and how far the model is from the data (the model's).
module Ebm.Analysis.Plane

open System
open System.Collections.Concurrent
open System.Runtime.InteropServices
open System.Security.Cryptography
open Ebm.Records

type Plane = {
    /// Cells along an axis.
    Side: int
    /// log of the model's mass in each cell; the masses sum to one.
    Model: float[]
    /// The same of the true density; −∞ where it is zero.
    Truth: float[]
    /// exp of Model and of Truth.
    ModelMass: float[]
    TruthMass: float[]
    /// The cell of each sample, none without samples; −1 outside the grid, where neither density has mass.
    Samples: int[]
    /// The number of modes of the true density, and each cell's mode, −1 where the density is zero.
    Modes: Lazy<int * int[]>
}

let private normalised (field: NamedArray) =
    let log = field.Values |> Array.map float
    let highest = Array.max log
    let mass = log |> Array.map (fun value -> exp (value - highest))
    let total = Array.sum mass
    log |> Array.map (fun value -> value - highest - Math.Log total), mass |> Array.map (fun value -> value / total)

// ── modes ───────────────────────────────────────────────────────────────────────────────────

/// Two peaks are two modes if the highest path between them falls to half of the lower peak or below.
let private valley = log 2.0

/// The modes of a density. Cells are added from the highest to the lowest; where two growing modes meet, the lower one joins the other unless a
/// valley separates them.
let private modes side (log: float[]) =
    let parent = Array.create log.Length -1

    // A loop, because a record can make a path as long as the array, which is too deep for the stack.
    let root i =
        let mutable at = i

        while parent[at] <> at do
            parent[at] <- parent[parent[at]]
            at <- parent[at]

        at

    let order = Array.init log.Length id |> Array.filter (fun i -> Double.IsFinite log[i])
    Array.Sort(order |> Array.map (fun i -> -log[i]), order)

    let meet i beside =
        if parent[beside] >= 0 then
            // A root is the peak of its mode.
            let one, other = root i, root beside
            let high, low = if log[one] >= log[other] then one, other else other, one
            if high <> low && log[low] - log[i] < valley then parent[low] <- high

    for i in order do
        parent[i] <- i
        // In one dimension, no other cell is a whole side away.
        if i % side > 0 then meet i (i - 1)
        if i % side < side - 1 then meet i (i + 1)
        if i >= side then meet i (i - side)
        if i + side < log.Length then meet i (i + side)

    let number = Collections.Generic.Dictionary<int, int>()

    let label i =
        if parent[i] < 0 then
            -1
        else
            number.TryAdd(root i, number.Count) |> ignore
            number[root i]

    let labels = Array.init log.Length label
    number.Count, labels

/// The modes of densities that were met before: the runs of a sweep share one truth, and finding its modes takes longest.
let private met = ConcurrentDictionary<string, Lazy<int * int[]>>(StringComparer.Ordinal)

let private modesOf side (log: float[]) =
    let content = Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(ReadOnlySpan<float> log)))
    // A process that meets many truths, such as a page that is open for days, keeps none of them for ever.
    if met.Count > 32 then met.Clear()
    met.GetOrAdd($"{side} {content}", fun _ -> lazy (modes side log)).Value

// ── reading ─────────────────────────────────────────────────────────────────────────────────

let private isLogDensity (field: NamedArray) =
    field.Values |> Array.exists Single.IsFinite
    && not (field.Values |> Array.exists (fun value -> Single.IsNaN value || Single.IsPositiveInfinity value))

/// The plane of a run's arrays, None if it has none or they do not fit each other.
let of' (array: string -> NamedArray option) (samples: Lazy<(float32[] * int64[]) option>) : Plane option =
    match array "landscape", array "truth", array "landscape-axis" with
    | Some model, Some truth, Some axis when
        axis.Values.Length > 1
        && model.Shape = truth.Shape
        && model.Shape |> Array.forall ((=) (int64 axis.Values.Length))
        && isLogDensity model
        && isLogDensity truth
        ->
        let side, dimension = axis.Values.Length, model.Shape.Length

        let values, shape =
            match samples.Value with
            | Some(values, shape) when shape.Length = 2 && int shape[1] = dimension -> values, shape
            | _ -> [||], [| 0L |]

        let width = float (axis.Values[1] - axis.Values[0])
        let low = float axis.Values[0] - width / 2.0

        let cell row =
            let mutable at, inside = 0, true

            // The last coordinate varies slowest.
            for i in dimension - 1 .. -1 .. 0 do
                let position = floor ((float values[row * dimension + i] - low) / width)
                inside <- inside && position >= 0.0 && position < float side
                if inside then at <- at * side + int position

            if inside then at else -1

        let (model, modelMass), (truth, truthMass) = normalised model, normalised truth

        Some {
            Side = side
            Model = model
            Truth = truth
            ModelMass = modelMass
            TruthMass = truthMass
            Samples = Array.init (int shape[0]) cell
            Modes = lazy (modesOf side truth)
        }
    | _ -> None

let private dimension (plane: Plane) = if plane.Model.Length = plane.Side then 1 else 2

/// The mass of cells in groups, given each cell's group; −1 for none.
let masses (groups: int) (groupOf: int[]) (mass: float[]) =
    let sums = Array.zeroCreate groups
    mass |> Array.iteri (fun i value -> if groupOf[i] >= 0 then sums[groupOf[i]] <- sums[groupOf[i]] + value)
    sums

/// The number of samples in each group of cells.
let counts (groups: int) (groupOf: int[]) (plane: Plane) =
    let sums = Array.zeroCreate groups

    for cell in plane.Samples do
        if cell >= 0 && groupOf[cell] >= 0 then sums[groupOf[cell]] <- sums[groupOf[cell]] + 1

    sums

// ── how far samples, model and truth are from each other ────────────────────────────────────

/// Blocks along an axis: enough to tell neighbouring modes apart, and so few that thousands of samples leave several in each.
let private blocks (plane: Plane) = if dimension plane = 1 then 64 else 16

/// Blocks where fewer samples than this are expected are pooled, as Cochran (1954) advises for the χ² test.
let private least = 5.0

type Distances = {
    /// KL(samples ‖ model) in nats, less the bias of as many exact draws, and the standard error that exact draws have. Exact draws have mean 0.
    Sampler: float
    SamplerSe: float
    /// KL(truth ‖ model) in nats over the same blocks.
    Model: float
    /// Whether the samples are at least twice as near to the truth as to the model, in total variation over the same blocks: samples that are far
    /// from both say nothing about the model.
    AreBetter: bool
}

/// The distances over blocks of cells. With k blocks, 2n KL of n exact draws is χ² with k − 1 degrees of freedom: mean k − 1, variance 2(k − 1).
let distances (plane: Plane) : Distances =
    let side = blocks plane
    let along i = i * side / plane.Side
    let block = Array.init plane.Model.Length (fun i -> along (i / plane.Side) * side + along (i % plane.Side))
    let block = if dimension plane = 1 then Array.init plane.Side along else block
    let groups = 1 + Array.max block
    let n = float plane.Samples.Length
    let model, truth = masses groups block plane.ModelMass, masses groups block plane.TruthMass
    let drawn = counts groups block plane |> Array.map (fun count -> float count / n)
    let kept = [
        for i in 0 .. groups - 1 do
            if n * model[i] >= least then i
    ]
    let rest (all: float[]) = max 0.0 (1.0 - (kept |> List.sumBy (fun i -> all[i])))
    // The smallest number stands for no mass, so that samples in a forbidden place are far and not infinitely far.
    let divergence (p: float[]) =
        let part (p: float) (q: float) = if p > 0.0 then p * log (p / max q 1e-300) else 0.0
        (kept |> List.sumBy (fun i -> part p[i] model[i])) + part (rest p) (rest model)

    let apart (p: float[]) (q: float[]) = (kept |> List.sumBy (fun i -> abs (p[i] - q[i]))) + abs (rest p - rest q)
    let freedom = float kept.Length

    {
        Sampler = divergence drawn - freedom / (2.0 * n)
        SamplerSe = sqrt (2.0 * freedom) / (2.0 * n)
        Model = divergence truth
        AreBetter = 2.0 * apart drawn truth < apart drawn model
    }

// ── the scale of the energies ───────────────────────────────────────────────────────────────

/// The factor by which the model's energies would have to be multiplied for the highest likelihood of the data: 1 if they are calibrated, less
/// than 1 if they are too steep. It solves E_truth[E] = E_β[E], where E_β is the mean under exp(−βE)/Z(β), by Newton's steps in log β, and is between
/// 1/64 and 64.
let scale (plane: Plane) =
    let mutable ofTruth, mass = 0.0, 0.0

    for i in 0 .. plane.Truth.Length - 1 do
        let p = plane.TruthMass[i]

        if p > 1e-12 && Double.IsFinite plane.Model[i] then
            mass <- mass + p
            ofTruth <- ofTruth - p * plane.Model[i]

    let ofTruth = ofTruth / mass
    let highest = Array.max plane.Model

    /// Mean and variance of E = −log under exp(−βE).
    let moments beta =
        let mutable total, first, second = 0.0, 0.0, 0.0

        for log in plane.Model do
            let exponent = beta * (log - highest)

            // Smaller weights change no digit.
            if exponent > -50.0 then
                let weight = exp exponent
                total <- total + weight
                first <- first - weight * log
                second <- second + weight * log * log

        first / total, second / total - (first / total) * (first / total)

    let limit = log 64.0

    let rec solved (logBeta: float) turn =
        let mean, variance = moments (exp logBeta)
        // The mean decreases in β, at the rate of the variance. Without variance, no factor changes anything.
        let step = if variance > 0.0 then Math.Clamp((mean - ofTruth) / (variance * exp logBeta), -1.0, 1.0) else 0.0
        let next = Math.Clamp(logBeta + step, -limit, limit)
        if turn = 30 || abs (next - logBeta) < 1e-4 then next else solved next (turn + 1)

    exp (solved 0.0 0)
