/// The divergence from exact rows: closed forms in 64 dimensions, also for a model that misses a mode or has one too many, and the spread of
/// repetitions for its standard error.
module Ebm.Tests.Laws.ExactKlLaws

open System
open System.Collections.Generic
open MathNet.Numerics.Statistics
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// A method that consists of an energy in d dimensions.
type private Model(dimension: int64, energy: Tensor -> Tensor) =
    inherit Method("model", [| dimension |])
    override _.Parts = Dictionary<string, torch.nn.Module>() :> IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = raise (InvalidOperationException "a metric must not train")
    override _.Sample(_, _) = raise (InvalidOperationException "a metric must use the run's samples")

    interface IDensity with
        member _.Density = Energy energy

/// A normalised density with a proposal that is itself.
type private Normalised(dimension: int64, energy: Tensor -> Tensor) =
    inherit Model(dimension, energy)

    interface IWeighted with
        member _.Weigh(count, rng) = struct (rng.Normal(count, dimension), torch.zeros count)

let private build (spec: ISpec<IDataset>) = spec.Build(Site([||], device, rng "exact data", ""))

let private measure (rows: int64) settle stream (method: Method) (data: IDataset) samples =
    (ExactKlSpec(rows, settle) :> ISpec<IMetric>)
        .Build(Site(data.Shape, device, rng "site", ""))
        .Measure(Subject(method, data, samples, rng stream))
    |> List.ofSeq

let private bell (mean: float) (variance: float) (x: Tensor) = (x - mean).square().sum(1L) / (2.0 * variance)

/// KL(N(0, v I) ‖ N(m 1, w I)) in d dimensions.
let private kl d v m w = float d / 2.0 * (v / w - 1.0 + log (w / v) + m * m / w)

/// Data N(0, ¼ I) in d dimensions and a model N(m 1, w I), whose energy has a constant: what is found.
let private betweenBells d m w rows settle stream =
    let data = build (GaussiansSpec(Dimension = d, Modes = 1, Radius = 0, Sd = 0.5, Train = 6000, Test = 100))
    let samples = sqrt w * rng($"rows {stream}").Normal(2L * rows / 3L, int64 d) + m
    measure rows settle stream (new Model(int64 d, (fun x -> bell m w x + 40.0))) data samples

let private closedForm (w: float) =
    let found = betweenBells 64 0.05 w 6000L 20 "bells"
    Close.near "forward" (kl 64 0.25 0.05 0.27) (Close.measured "exact-kl" found)
    Close.near "reverse" (kl 64 0.27 0.05 0.25) (Close.measured "exact-kl/reverse" found)
    Close.near "log Z" (32.0 * log (2.0 * Math.PI * 0.27) - 40.0) (Close.measured "exact-kl/log-z" found)
    Close.near "gap" 0.0 (Close.measured "exact-kl/gap" found)
    // Fitted to n rows of the truth, a Gaussian in d dimensions is d (d + 3)/4n from it on average, .179 here, with a spread of .006; that of the value is its error.
    let gaussian = Close.measured "exact-kl/gaussian" found
    Close.near "the Gaussian" (64.0 * 67.0 / 4.0 / 6000.0) { gaussian with Error = sqrt (gaussian.Error ** 2.0 + 0.006 ** 2.0) }

/// Twelve modes in 64 dimensions, 14 standard deviations apart, with these weights.
let private mixture (weights: float list) =
    build (GaussiansSpec(Dimension = 64, Weights = Array.ofList weights, Train = 100, Test = 100)) :?> IKnownDensity

/// The divergence of a model with other weights of the same modes, from rows of the model as it is or as its sampler visits it.
let private ofWeights (truth: float list) (model: float list) (visited: float list) =
    let data, own = mixture truth, mixture model
    // The rows are those of a mixture with the weights of the visits.
    let samples = (mixture visited).Draw(3000L, rng "visits").``to`` torch.float64
    use method = new Model(64L, (fun x -> -own.LogDensity x + 3.0))
    measure 4000L 20 "weights" method (data :?> IDataset) samples

let private divergence (p: float list) (q: float list) = List.map2 (fun a b -> a * log (a / b)) p q |> List.sum

let private even = [ 0.25; 0.25; 0.25; 0.25 ]
let private missing = [ 0.333; 0.333; 0.333; 0.001 ]
let private tiny = [ 0.4999995; 0.25; 0.25; 0.0000005 ]

let private missedMode visited =
    let found = ofWeights even missing visited
    Close.near "the divergence" (divergence even missing) (Close.measured "exact-kl" found)
    Close.near "the reverse" (divergence missing even) (Close.measured "exact-kl/reverse" found)

let private addedMode visited =
    // The data have almost no row in the last mode, which has a quarter of the model.
    let found = ofWeights tiny even visited
    Close.near "log Z" 3.0 { Close.measured "exact-kl/log-z" found with Value = -(Close.measured "exact-kl/log-z" found).Value }
    Close.near "the divergence" (divergence tiny even) (Close.measured "exact-kl" found)

let private repeated name (said: Close.Estimate -> float) =
    let found = [| for i in 1..150 -> Close.measured name (betweenBells 6 0.2 0.4 300L 0 $"again {i}") |]
    let spread = found |> Array.map _.Value |> ArrayStatistics.StandardDeviation
    let error = found |> Array.averageBy (fun e -> said e * said e) |> sqrt
    // A standard deviation of 150 draws has an error of 1/√300 = 5.8 %: four of these.
    must $"the spread is {spread:F4}, the standard error of {name} {error:F4}" (abs (error / spread - 1.0) < 0.23)

let private asOnGrid factor =
    let data = build (GaussiansSpec(Train = 100, Test = 100))
    use method = new Model(2L, bell 0.0 1.2)
    let site = Site(data.Shape, device, rng "site", "")
    let grid = (GridKlSpec() :> ISpec<IMetric>).Build(site).Measure(Subject(method, data, torch.zeros (2L, 2L), rng "grid")) |> List.ofSeq
    let samples = sqrt 1.2 * (rng "plane").Normal(5000L, 2L)
    let found = measure 10_000L 0 "plane" method data samples
    for name in [ ""; "/reverse" ] do
        Close.near name (factor * (Close.measured $"grid-kl{name}" grid).Value) (Close.measured $"exact-kl{name}" found)

let all: Law list = [
    law "exact-kl in 64 dimensions is the closed form between Gaussians within its error, in both directions" (fun () -> closedForm 0.27)
    |> breaks "a model a hundredth wider" (fun () -> closedForm 0.2727)

    law
        "exact-kl in 64 dimensions is right within its error for a model that misses a mode, whether its rows visit that mode or not"
        (fun () ->
            missedMode missing
            missedMode [ 0.3334999; 0.3333; 0.3332; 0.0000001 ])
    |> breaks "rows of other weights" (fun () -> missedMode even)

    law "exact-kl in 64 dimensions is right within its error for a model with a mode that the data lack" (fun () -> addedMode even)
    |> breaks "rows that do not visit it" (fun () -> addedMode [ 0.3334999; 0.3333; 0.3332; 0.0000001 ])

    law "the standard errors of exact-kl and its reverse are the spread of repetitions" (fun () ->
        for name in [ "exact-kl"; "exact-kl/reverse"; "exact-kl/log-z" ] do
            repeated name _.Error)
    |> breaks "half as much again" (fun () -> repeated "exact-kl" (fun e -> e.Error * 1.5))

    law "exact-kl in the plane is grid-kl within its error, in both directions" (fun () -> asOnGrid 1.0)
    |> breaks "a tenth more" (fun () -> asOnGrid 1.1)

    law
        "exact-kl of a density that is normalised has no error of log Z, and of one that is not even where p is zero has no reverse"
        (fun () ->
            let data = build (CheckerboardSpec(Train = 100, Test = 100))
            let energy (x: Tensor) = x.square().sum(1L) / 2.0 + log (2.0 * Math.PI)
            let samples = (rng "normal").Normal(2000L, 2L)
            use method = new Normalised(2L, energy)
            let found = measure 4000L 0 "normal" method data samples
            must "log Z" ((Close.measured "exact-kl/log-z" found).Value = 0.0)
            // E|x|²/2 over the board is 4/3, its entropy is log 8.
            Close.near "the divergence" (log (2.0 * Math.PI) + 4.0 / 3.0 - log 8.0) (Close.measured "exact-kl" found)
            use plain = new Model(2L, energy)
            let found = measure 4000L 0 "normal" plain data samples
            Close.near "the divergence with log Z" (log (2.0 * Math.PI) + 4.0 / 3.0 - log 8.0) (Close.measured "exact-kl" found)
            must "a reverse divergence was reported, which is infinite" (found |> List.forall (fun m -> m.Name <> "exact-kl/reverse")))

    law "exact-kl of a model without mass where data are is infinite, and without a standard error" (fun () ->
        let data = build (GaussiansSpec(Train = 100, Test = 100))
        use nowhere = new Model(2L, fun x -> torch.full_like (x.select (1L, 0L), Double.PositiveInfinity))
        let found = measure 2000L 0 "nowhere" nowhere data ((rng "nowhere").Normal(1000L, 2L))
        must $"{found} was found" (Double.IsPositiveInfinity (Close.measured "exact-kl" found).Value)
        let half (x: Tensor) =
            torch.where (
                x.select(1L, 0L).gt(scalar 0.0),
                x.square().sum 1L / 2.0,
                torch.full_like (x.select (1L, 0L), Double.PositiveInfinity)
            )
        use model = new Model(2L, half)
        let found = measure 2000L 0 "half" model data ((rng "half").Normal(1000L, 2L).abs())
        let kl = Close.measured "exact-kl" found
        must $"{kl} was found" (Double.IsPositiveInfinity kl.Value && Double.IsNaN kl.Error)
        must
            "the other values"
            (Double.IsFinite (Close.measured "exact-kl/log-z" found).Value
             && Double.IsFinite (Close.measured "exact-kl/reverse" found).Value))

    law "exact-kl is not measured from one row of a run, which has no standard error" (fun () ->
        let data = build (GaussiansSpec(Train = 100, Test = 100))
        use model = new Model(2L, bell 0.0 1.0)
        must "it was measured" (List.isEmpty (measure 100L 0 "one row" model data ((rng "one row").Normal(1L, 2L)))))

    law "exact-kl with more rows than memory is refused before a run begins" (fun () ->
        Refusing.refused [ "Rows"; "10000000"; "lower it" ] (fun () ->
            (ExactKlSpec(10_000_000L) :> ISpec<IMetric>).Build(Site([| 100_000L |], device, rng "memory", "")) |> ignore))
]
