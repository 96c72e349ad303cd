/// Metrics: each compared with closed forms, and each standard error with the spread of repetitions.
module Ebm.Tests.Laws.MetricLaws

open System
open System.Collections.Generic
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private site = Site([||], device, rng "metric data", "")
let private build (spec: ISpec<IDataset>) = spec.Build site

let private nothing = Dictionary<string, torch.nn.Module>() :> IReadOnlyDictionary<_, _>
let private never () : 'a = raise (InvalidOperationException "a metric must not call this")

/// A method that consists of an energy only.
type private Exact(energy: Tensor -> Tensor) =
    inherit Method("exact", [| 2L |])
    override _.Parts = nothing
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

    interface IDensity with
        member _.Density = Energy energy

/// A method that consists of chains only: count, multiple of the length, and the stream.
type private Walker(walk: int64 -> int -> Rng -> Tensor) =
    inherit Method("walker", [| 2L |])
    override _.Parts = nothing
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

    interface IChains with
        member _.Run(count, times, rng) = walk count times rng

/// Two levels, and a correct readout except for a factor on the top level's energy.
type private Ladder(clean: Tensor -> Tensor, top: Tensor -> Tensor, factor: float) =
    inherit Method("ladder", [| 2L |])
    override _.Parts = nothing
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

    interface IDensityReadout with
        member _.Noise = never ()
        member _.Density = never ()
        member _.Top = never ()
        member _.Visit(_, _) = never ()
        member _.Readout x = factor * top x - clean x - x.square().sum(1L) / 2.0 - log (2.0 * Math.PI)

        member _.Levels = {
            new ILevelEnergy with
                member _.Levels = 2
                member _.At(_, _) = never ()
                member _.All x = torch.stack ([| clean x; top x |], 1L)
        }

/// Three levels N(0, v) with different constants, their rows, and a top that is normalised up to a constant.
type private Stairs(constant: float) =
    inherit Method("stairs", [| 2L |])
    static member Variances = [ 0.25; 0.6; 1.0 ]
    static member Constants = [ 3.0; -40.0; 7.0 ]
    override _.Parts = nothing
    override _.Iterate(_, _) = never ()
    override _.Sample(_, _) = never ()

    member _.Column(x: Tensor, level) = x.square().sum(1L) / (2.0 * Stairs.Variances[level]) + Stairs.Constants[level]

    interface ILadder with
        member _.Noise = NoiseSchedule(row [ 1.0; 1.0; 1.0 ], row [ for v in Stairs.Variances -> sqrt v ])
        member ladder.Density = Energy(fun x -> ladder.Column(x, 0))
        member _.Top = Energy(fun x -> x.square().sum(1L) / 2.0 + log (2.0 * Math.PI) + constant)
        member _.Visit(count, rng) = [| for v in Stairs.Variances -> sqrt v * rng.Normal(count, 2L) |]

        member ladder.Levels = {
            new ILevelEnergy with
                member _.Levels = 3
                member levels.At(x, level) = levels.All(x).gather(1L, level.unsqueeze 1L).squeeze 1L
                member _.All x = torch.stack ([| for level in 0..2 -> ladder.Column(x, level) |], 1L)
        }

/// |x − m|² / 2v.
let private bell (mean: float) (variance: float) (x: Tensor) = (x - mean).square().sum(1L) / (2.0 * variance)

/// N(0, sd²) in any dimension, as a data set.
let private round dimension sd = build (GaussiansSpec(Dimension = dimension, Modes = 1, Radius = 0, Sd = sd, Train = 1000, Test = 1000))

let private measured (spec: ISpec<IMetric>) method data samples =
    (spec.Build site).Measure(Subject(method, data, samples, rng "measure")) |> List.ofSeq

/// Measures with a metric that uses of the samples only their dtype, which it passes to the method.
let private judged spec method (data: IDataset) = measured spec method data (torch.zeros (2L, data.Shape[0], device = device))

let private find name (found: Measurement list) =
    match found |> List.tryFind (fun m -> m.Name = name) with
    | Some m -> m
    | None -> broken $"{name} was not measured, only {found |> List.map _.Name}"

let private value name found = (find name found).Value

let private array name (found: Measurement list) = found |> Seq.collect _.Arrays |> Seq.find (fun a -> a.Name = name)

let private within what due tolerance found =
    must $"{what} is {found} instead of {due}; {tolerance:E1} is allowed" (abs (found - due) <= tolerance)

/// KL(N(0, v) ‖ N(m, w)) in d dimensions, with mean m in each of them.
let private kl d v m w = float d / 2.0 * (v / w - 1.0 + log (w / v) + m * m / w)

/// Measured again on a grid twice as fine: the difference is the error of the grid.
let private gridded (model: Tensor -> Tensor) data dues =
    let fine, coarse = judged (GridKlSpec()) (new Exact(model)) data, judged (GridKlSpec(Cells = 256)) (new Exact(model)) data

    for name, due in dues do
        // The box contains all but a millionth of the widest Gaussian; logarithms of densities reach a hundred.
        within name due (abs (value name fine - value name coarse) + 1e-4 * max 1e-2 (abs due)) (value name fine)

let private betweenGaussians dimension variance =
    gridded (fun x -> bell 0.3 variance x + 17.0) (round dimension 0.5) [
        "grid-kl", kl dimension 0.25 0.3 0.4
        "grid-kl/reverse", kl dimension 0.4 0.3 0.25
        "grid-kl/gaussian", 0.0
    ]

let private smooth: ISpec<IDataset> list = [ GaussiansSpec(Train = 500, Test = 500); RingsSpec(Train = 500, Test = 500) ]

/// A constant does not matter; a temperature does.
let private ofTruth (temperature: float) =
    for spec in smooth do
        let data = build spec
        let truth = data :?> IKnownDensity
        let found = judged (GridKlSpec()) (new Exact(fun x -> truth.LogDensity x / -temperature - 1000.0)) data
        // A thousand nats cancel, in double.
        within $"grid-kl of {data.Name}" 0.0 1e-9 (value "grid-kl" found)
        within $"the reverse on {data.Name}" 0.0 1e-9 (value "grid-kl/reverse" found)

        for shown, due in Seq.zip (array "landscape" found).Values (array "truth" found).Values do
            within $"the landscape of {data.Name}" (float due) (Math.ScaleB(1.0 + abs (float due), -22)) (float shown)

/// The picture of a bell about (0, 1): its mass, and the row and column of its maximum.
let private picture up =
    let found =
        judged
            (GridKlSpec())
            (new Exact(fun x -> ((x.select (1L, 1L - up)).square() + (x.select (1L, up) - 1.0).square()) * 4.0))
            (round 2 0.5)
    let landscape = array "landscape" found
    must $"the picture is {landscape.Shape}" (landscape.Shape = [| 128L; 128L |] && landscape.Axes = [| "y"; "x" |])
    let axis = (array "landscape-axis" found).Values
    let cell = float (axis[1] - axis[0])
    // A quarter of a million float32 cells, and the bell's mass outside the box.
    within "the picture's mass" 1.0 1e-4 (landscape.Values |> Seq.sumBy (fun l -> exp (float l) * cell * cell))
    let top = landscape.Values |> Array.indexed |> Array.maxBy snd |> fst
    within "y of the highest cell" 1.0 cell (float axis[top / 128])
    within "x of the highest cell" 0.0 cell (float axis[top % 128])

let private baseline (spec: ISpec<IDataset>) due =
    let data = build spec
    within data.Name due 5e-4 (value "grid-kl/gaussian" (judged (GridKlSpec()) (new Exact(bell 0.0 1.0)) data))

let private atBorder due =
    let flat = new Exact(fun x -> torch.zeros_like (x.select (1L, 0L)))
    within "mass near the border" due 1e-9 (value "grid-kl/border" (judged (GridKlSpec(Cells = 200, Picture = 100)) flat (round 2 0.5)))

let private gridKl = [
    for where, dimension in [ "on the line", 1; "in the plane", 2 ] do
        law $"grid-kl is the closed form between Gaussians {where}, in both directions and for the moments" (fun () ->
            betweenGaussians dimension 0.4)
        |> breaks "a model a hundredth wider" (fun () -> betweenGaussians dimension 0.404)

    law "grid-kl of the truth is zero in both directions, whatever the energy's constant, and its landscape is the truth" (fun () ->
        ofTruth 1.0)
    |> breaks "a temperature of 1.001" (fun () -> ofTruth 1.001)

    law "a landscape has a row for each y, and the model's mass" (fun () -> picture 1L)
    |> breaks "a transposed model" (fun () -> picture 0L)

    law "the moment-matched Gaussian has a divergence of 2.008 nats from gaussians and .897 from rings" (fun () ->
        baseline (GaussiansSpec(Train = 500, Test = 500)) 2.0085
        baseline (RingsSpec(Train = 500, Test = 500)) 0.8972)
    |> breaks "equal weights" (fun () -> baseline (GaussiansSpec(Modes = 8, Train = 500, Test = 500)) 2.0085)

    // Covariance ((4/3, 1/4), (1/4, 4/3)), entropy log 8.
    law "the moment-matched Gaussian's divergence is log(2πe) + log(247/144)/2 − log 8 = 1.028 nats for the checkerboard" (fun () ->
        baseline (CheckerboardSpec(Train = 500, Test = 500)) (log (2.0 * Math.PI * Math.E) + log (247.0 / 144.0) / 2.0 - log 8.0))

    law "the reverse divergence to the checkerboard, infinite for every energy, is not reported" (fun () ->
        let found = judged (GridKlSpec()) (new Exact(bell 0.0 1.0)) (build (CheckerboardSpec(Train = 500, Test = 500)))
        must "it was reported" (found |> List.forall (fun m -> m.Name <> "grid-kl/reverse")))

    law "a flat energy has 1 − .95² of its mass within 5 % of the border" (fun () -> atBorder (1.0 - 0.95 * 0.95))
    |> breaks "a border of 5 % of the whole width" (fun () -> atBorder (1.0 - 0.9 * 0.9))

    law "a target finer than the grid is an error that says what to raise" (fun () ->
        let narrow = build (GaussiansSpec(Sd = 0.004, Train = 500, Test = 500))
        throws<InvalidOperationException, _> [ "do not resolve gaussians"; "raise cells" ] (fun () ->
            judged (GridKlSpec()) (new Exact(bell 0.0 1.0)) narrow))

    law "a target wider than its box is an error that says what to raise" (fun () ->
        let wide = {
            new IDataset with
                member _.Name = "wide"
                member _.Shape = [| 2L |]
                member _.Train = torch.zeros (2L, 2L, device = device)
                member _.Test = torch.zeros (2L, 2L, device = device)
                member _.Digest = ""
            interface IKnownDensity with
                member _.HalfWidth = 2.0
                member _.LogDensity x = -(bell 0.0 1.0 x) - log (2.0 * Math.PI)
                member _.Draw(_, _) = never ()
        }

        throws<InvalidOperationException, _> [ "do not resolve wide"; "HalfWidth" ] (fun () ->
            judged (GridKlSpec()) (new Exact(bell 0.0 1.0)) wide))
]

let private distance x y =
    let struct (found, se) = EnergyDistance.Between(x, y)
    found, se

let private byPairs (biased: bool) =
    let x, y = [ 0.0; 1.0; 3.0 ], [ 2.0; 7.0 ]
    let column (numbers: float list) = World.rows (numbers |> List.map List.singleton)
    let pairs a b = [
        for i, u in List.indexed a do
            for j, v in List.indexed b -> i, j, abs (u - v)
    ]
    let across = pairs x y |> List.averageBy (fun (_, _, d) -> d)
    let among a = pairs a a |> List.filter (fun (i, j, _) -> biased || i <> j) |> List.averageBy (fun (_, _, d) -> d)
    within "the distance" (2.0 * across - among x - among y) 1e-6 (distance (column x) (column y) |> fst)

/// Repetitions on new rows: the mean compared with the truth, the standard error with the spread.
let private repeated (pair: Rng -> Tensor * Tensor) truth ratio =
    let found = [| for i in 1..300 -> pair ((rng "repeated").Stream(int64 i)) ||> distance |]
    let values = Array.map fst found
    Close.near "mean" truth (Close.mean values)
    let spread = sqrt (float values.Length) * (Close.mean values).Error
    let claimed = Close.mean (Array.map snd found)

    // The spread of n values has a relative error of 1/√2n.
    Close.near "standard error over spread" ratio {
        Value = claimed.Value / spread
        Error = claimed.Error / spread + claimed.Value / spread / sqrt (2.0 * float values.Length)
    }

let private shifted (rng: Rng) = rng.Normal(200L, 1L), rng.Normal(300L, 1L) + 1.0
let private alike (rng: Rng) = rng.Normal(150L, 8L), rng.Normal(250L, 8L)

/// 2 E|N(1, 2)| − 4/√π, where E|N(m, s²)| = s √(2/π) exp(−m²/2s²) + m erf(m/s√2).
let private apart = 2.0 * (sqrt (4.0 / Math.PI) * exp -0.25 + World.value (torch.special.erf (number 0.5))) - 4.0 / sqrt Math.PI

let private ofSamples (spec: ISpec<IDataset>) gaussian (change: Tensor -> Tensor) =
    let data = build spec
    let samples = change ((data :?> IKnownDensity).Draw(2000L, rng "samples"))
    let found = measured (EnergyDistanceSpec()) (new Exact(bell 0.0 1.0)) data samples
    Close.near $"{data.Name}, energy-distance" 0.0 (Close.measured "energy-distance" found)
    Close.near $"{data.Name}, its floor" 0.0 (Close.measured "energy-distance/floor" found)
    Close.near $"{data.Name}, the Gaussian's" gaussian (Close.measured "energy-distance/gaussian" found)

let private energyDistance = [
    law "the energy distance of a few points is its definition, over all pairs of different rows" (fun () -> byPairs false)
    |> breaks "rows paired with themselves" (fun () -> byPairs true)

    law "between N(0, 1) and N(1, 1) the energy distance is 2 E|N(1, 2)| − 4/√π, and its standard error its spread" (fun () ->
        repeated shifted apart 1.0)
    |> breaks "a standard error half as large" (fun () -> repeated shifted apart 2.0)

    law "between equal laws the energy distance averages zero, and its standard error is √2 times its spread" (fun () ->
        repeated alike 0.0 (sqrt 2.0))
    |> breaks "distributions that differ by a fifth" (fun () -> repeated (fun rng -> let x, y = alike rng in x * 1.2, y) 0.0 (sqrt 2.0))

    law
        "energy-distance of the truth is zero within its error, the moment-matched Gaussian's .068 on gaussians and .013 on rings"
        (fun () ->
            ofSamples (GaussiansSpec()) 0.068 id
            ofSamples (RingsSpec()) 0.013 id)
    |> breaks "samples of which a fifth are at one point" (fun () ->
        ofSamples (GaussiansSpec()) 0.068 (fun x -> torch.cat ([| x.narrow (0L, 0L, 1600L); x.narrow(0L, 0L, 1L).expand(400L, 2L) |], 0L)))
]

let private byHand due =
    let data = build (GaussiansSpec(Weights = [| 0.5; 0.25; 0.25 |], Train = 500, Test = 500))
    let at k = let angle = 2.0 * Math.PI * float k / 3.0 in [ 1.5 * cos angle; 1.5 * sin angle ]
    let samples = World.rows ([ 0; 0; 0; 0; 0; 0; 1; 1; 1; 1; 2; 2 ] |> List.map at)
    within "mode-weights" due 1e-12 (value "mode-weights" (measured (ModeWeightsSpec()) (new Exact(bell 0.0 1.0)) data samples))

let private floorOfModes (used: IDataset) =
    let data = build (GaussiansSpec(Train = 500, Test = 500))
    let found = [|
        for i in 1L .. 200L ->
            measured (ModeWeightsSpec()) (new Exact(bell 0.0 1.0)) data ((used :?> IKnownDensity).Draw(4000L, (rng "modes").Stream i))
    |]
    let floor = value "mode-weights/floor" found[0]
    // Counts of two hundred are normal to a hundredth.
    let average = Close.mean (found |> Array.map (value "mode-weights"))
    Close.near "mean of mode-weights" floor { average with Error = average.Error + floor / 100.0 / Close.k }

let private modeWeights = [
    law "mode-weights of samples placed by hand is |1/2 − 1/2| + |1/3 − 1/4| + |1/6 − 1/4|" (fun () -> byHand (1.0 / 6.0))
    |> breaks "half of it, the total variation" (fun () -> byHand (1.0 / 12.0))

    law "mode-weights of the truth averages its floor" (fun () -> floorOfModes (build (GaussiansSpec(Train = 500, Test = 500))))
    |> breaks "other weights" (fun () ->
        floorOfModes (build (GaussiansSpec(Weights = [| 0.22; 0.08; 0.2; 0.05; 0.15; 0.1; 0.15; 0.05 |], Train = 500, Test = 500))))
]

let private drifting (drift: float -> float) =
    let asked = List<int>()

    let walker =
        new Walker(fun count times rng ->
            asked.Add times
            rng.Normal(count, 2L) + drift (float times))

    let found = judged (LongRunSpec(Factors = [| 1; 10; 100 |])) walker (round 2 1.0)
    must $"chains were run with lengths {List.ofSeq asked}" (List.ofSeq asked = [ 1; 10; 100 ])
    must $"the names are {found |> List.map _.Name}" ((found |> List.map _.Name) = [ "long-run/1"; "long-run/10"; "long-run/100" ])
    Close.near "long-run/1" 0.0 (Close.measured "long-run/1" found)
    Close.above "long-run/10" 0.0 (Close.measured "long-run/10" found)
    Close.above "long-run/100 over /10" 0.0 (Close.measured "long-run/100" found - Close.measured "long-run/10" found)

let private longRun = [
    law "long-run detects drifting chains, with the lengths in its names" (fun () -> drifting log10)
    |> breaks "chains that do not drift" (fun () -> drifting (fun _ -> 0.0))
]

/// The clean level N(.1, .25 I) and the top one N(0, variance I), with different constants.
let private readOut variance factor =
    let data = round 2 0.5
    let ladder = new Ladder((fun x -> bell 0.1 0.25 x + 0.7), (fun x -> bell 0.0 variance x - 0.2), factor)
    let found = judged (DensityReadoutSpec(Rows = 500L)) ladder data
    let normaliser = log (0.25 / variance) - 0.7 - 0.2
    // log N(x; 0, v) − log N(x; 0, 1).
    let bracket = data.Test.narrow(0L, 0L, 500L).``to``(torch.float64).square().sum(1L) * (0.5 - 0.5 / variance) - log variance
    let root (x: Tensor) = sqrt (World.value (x.square().mean()))
    within "the normalisers' ratio" normaliser 1e-9 (value "density-readout/normaliser" found)
    within "the top level" (root bracket) 1e-9 (value "density-readout/top" found)
    within "the readout" (root (normaliser - bracket)) 1e-9 (value "density-readout" found)

let private readout = [
    law "density-readout is off by log(Z_0/Z_T) if the top level is N(0, I), and also by the top level's deviation otherwise" (fun () ->
        readOut 1.0 1.0
        readOut 0.8 1.0)
    |> breaks "a readout without a hundredth of the top level" (fun () -> readOut 1.0 0.99)
]

/// log Z of the lowest level: 2πv in the plane, minus its constant. The top level's constant does not matter.
let private climbs constant =
    for transport, name in [ Transport.None, "ladder/"; Transport.Recovery, "recovery/" ] do
        let spec = LadderLikelihoodSpec(Transport = transport, Rows = 8000L)
        let found = judged spec (new Stairs(constant)) (round 2 0.5)
        Close.near
            $"{name}log-z"
            (log (2.0 * Math.PI * Stairs.Variances.Head) - Stairs.Constants.Head)
            (Close.measured $"{name}log-z" found)

/// A base N(.3, variance I), and a model N(.3, .6 I) by an energy on it.
let private onBase variance =
    let tilted = {
        new Method("tilted", [| 2L |]) with
            override _.Parts = nothing
            override _.Iterate(_, _) = never ()
            override _.Sample(_, _) = never ()
        interface IOnBase with
            member _.Density = Energy(bell 0.3 0.6)
            member _.Base = Energy(fun x -> bell 0.3 variance x - 5.0)
    }
    let found = judged (GridKlSpec()) tilted (round 2 0.5)
    within "grid-kl/base" (kl 2 0.25 0.3 0.4) 1e-5 (value "grid-kl/base" found)
    within "grid-kl" (kl 2 0.25 0.3 0.6) 1e-5 (value "grid-kl" found)

let private everyone = [
    law "a metric that does not apply returns nothing" (fun () ->
        let walker, density = new Walker(fun _ _ _ -> never ()) :> Method, new Exact(bell 0.0 1.0) :> Method

        for spec, method, data in
            [
                GridKlSpec() :> ISpec<IMetric>, walker, round 2 0.5
                GridKlSpec(), density, round 3 0.5
                EnergyValuesSpec(), walker, round 2 0.5
                LongRunSpec(), density, round 2 0.5
                DensityReadoutSpec(), density, round 2 0.5
            ] do
            must $"{spec} must not measure" (List.isEmpty (judged spec method data)))

    law "the likelihood along a ladder finds the lowest level's normaliser, whatever constants its energies have" (fun () -> climbs 0.0)
    |> breaks "a top that is not normalised" (fun () -> climbs 0.1)

    law "grid-kl/base is the base's divergence, for every energy" (fun () -> onBase 0.4)
    |> breaks "the model's divergence instead" (fun () -> onBase 0.6)

    law "energies are those of test rows and samples under the model, and the gap is that of their means" (fun () ->
        let found = measured (EnergyValuesSpec()) (new Exact(bell 0.0 1.0)) (round 2 0.5) (torch.ones (10L, 2L, device = device))
        must "energies of samples" ((array "energies-samples" found).Values = Array.create 10 1f)
        let data = (array "energies-data" found).Values
        must "energies of 1,000 test rows" (data.Length = 1000)
        within "the gap" (1.0 - Array.averageBy float data) 1e-6 (value "energies" found))

    law "a measurement depends only on its stream, and has a unit, importance, count and protocol" (fun () ->
        let data = build (GaussiansSpec(Train = 5000, Test = 5000))
        let samples = (data :?> IKnownDensity).Draw(500L, rng "samples")
        let walker = new Walker(fun count _ rng -> rng.Normal(count, 2L))

        let density = new Exact(bell 0.0 1.0) :> Method

        for spec, method in
            [
                GridKlSpec() :> ISpec<IMetric>, density
                EnergyDistanceSpec(), density
                ModeWeightsSpec(), density
                EnergyValuesSpec(), density
                LongRunSpec(), walker
                DensityReadoutSpec(), new Ladder(bell 0.0 0.25, bell 0.0 1.0, 1.0)
            ] do
            let metric = spec.Build site
            let measure () = metric.Measure(Subject(method, data, samples, rng "measure")) |> List.ofSeq
            let first, again, fresh = measure (), measure (), measured spec method data samples
            let values = List.map (fun (m: Measurement) -> m.Value)
            must $"{spec} depends on what it measured before" (values first = values again && values first = values fresh)

            for m in first do
                must $"{m} is incomplete" (m.Unit <> "" && not (isNull m.Protocol) && m.N.HasValue && m.Importance.HasValue))

    law "measuring leaves no live tensors except the truth on its grid" (fun () ->
        let data = build (GaussiansSpec(Train = 500, Test = 500))
        let samples = (data :?> IKnownDensity).Draw(500L, rng "samples")
        let metrics = [
            for spec: ISpec<IMetric> in [ GridKlSpec() :> ISpec<IMetric>; EnergyDistanceSpec(); ModeWeightsSpec(); EnergyValuesSpec() ] ->
                spec.Build site
        ]
        let method = new Exact(bell 0.0 1.0)
        let measure () =
            for metric in metrics do
                metric.Measure(Subject(method, data, samples, rng "measure")) |> Seq.iter ignore
        measure ()
        collected ()
        let before = live ()
        measure ()
        collected ()
        must $"{live () - before} more tensors live" (live () = before))
]

/// Areas under the curve of 60 energies and 60 others, .8 apart, with their standard errors.
let private toldApart count =
    let random = Random 7
    let normal mean = [| for _ in 1..60 -> Normal.Sample(random, mean, 1.0) |]

    Array.unzip [|
        for _ in 1..count do
            let struct (area, se) = RocArea.Of(normal 0.0, normal 0.8)
            area, se
    |]

let private outOfDistribution = [
    law "the area for another Gaussian is the closed form, for every constant and temperature of the energies" (fun () ->
        // E(x) = x₁ is N(0, 1) on the data and N(μ, 1) on the other set: P(E(y) > E(x)) = Φ(μ / √2).
        let told (energy: Tensor -> Tensor) =
            for mean in [ -0.7; 0.2; 1.5 ] do
                let other = GaussiansSpec(Dimension = 2, Modes = 1, Radius = abs mean, Sd = 1.0, Train = 2, Test = 4000) :> ISpec<IDataset>
                let spec = OutOfDistributionSpec(readOnlyDict [ "shifted", other ], Rows = 4000)
                let data = build (GaussiansSpec(Dimension = 2, Modes = 1, Radius = 0, Sd = 1.0, Train = 2, Test = 4000))
                let side = float (sign mean)
                let metric = (spec :> ISpec<IMetric>).Build(Site([| 2L |], device, rng "others", ""))
                let subject =
                    Subject(
                        new Exact(fun x -> energy (x.select (1L, 0L) * side)),
                        data,
                        torch.zeros (2L, 2L, device = device),
                        rng "measure"
                    )
                let found = metric.Measure subject |> List.ofSeq
                let due = Normal.CDF(0.0, 1.0, mean / sqrt 2.0)
                Close.near $"a mean {mean} apart" due (Close.measured "auroc/shifted" found)
                must "its energies" ((array "energies-shifted" found).Values.Length = 4000)
        told id
        told (fun x -> x * 0.01 + 300.0))
    |> breaks "an energy with the wrong sign" (fun () ->
        let struct (area, se) = RocArea.Of([| 0.0; 1.0; 2.0 |], [| 1.5; 2.5; 3.5; 4.5 |])
        Close.near "area" (1.0 - 11.0 / 12.0) { Close.Value = area; Close.Error = se })

    law "computed data sets have the same protocol for every seed" (fun () ->
        let protocol (seed: string) =
            let spec =
                OutOfDistributionSpec(readOnlyDict [ "moons", TwoMoonsSpec(Train = 2, Test = 50) :> ISpec<IDataset> ]) :> ISpec<IMetric>
            let metric = spec.Build(Site([| 2L |], device, rng seed, ""))
            let subject = Subject(new Exact(bell 0.0 1.0), round 2 0.5, torch.zeros (2L, 2L, device = device), rng seed)
            (Seq.head (metric.Measure subject)).Protocol
        must "the protocols differ" (protocol "one" = protocol "another"))

    law "the area under the curve counts pairs, ties by half, and its standard error is the spread of repetitions" (fun () ->
        let exact own others =
            let struct (area, _) = RocArea.Of(Array.ofList own, Array.ofList others)
            area
        must "pairs" (abs (exact [ 0.0; 1.0; 2.0 ] [ 1.5; 2.5; 3.5; 4.5 ] - 11.0 / 12.0) < 1e-12)
        must "ties" (exact [ 1.0; 1.0 ] [ 1.0; 1.0; 1.0 ] = 0.5)
        must "infinities" (exact [ 0.0; 1.0 ] [ infinity; infinity ] = 1.0)
        must "NaN energies must give NaN" (Double.IsNaN(exact [ 0.0; nan ] [ 1.0; 2.0 ]))
        let areas, errors = toldApart 1000
        let spread = ArrayStatistics.StandardDeviation areas
        let said = sqrt (errors |> Array.averageBy (fun se -> se * se))
        // A standard deviation of 1000 draws has an error of 1/√2000 = 2.2 %: four of these, plus 2 % for DeLong's error at 60 rows.
        must $"the spread is {spread:F4}, the standard error {said:F4}" (abs (said / spread - 1.0) < 0.11))
    |> breaks "as if pairs were independent" (fun () ->
        let areas, _ = toldApart 300
        let mean = Array.average areas
        must "" (abs (sqrt (mean * (1.0 - mean) / 3600.0) / ArrayStatistics.StandardDeviation areas - 1.0) < 0.11))

]

let all: Law list = gridKl @ energyDistance @ modeWeights @ longRun @ readout @ outOfDistribution @ everyone
