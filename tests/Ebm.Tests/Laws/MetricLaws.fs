/// Metrics: each against a case whose value is known in closed form, and its standard error against the spread of repetitions.
module Ebm.Tests.Laws.MetricLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests.Law

let private site = Site([||], torch.CPU, new Rng(1UL), "")

/// A method that is nothing but a density; what else a method does is an error.
type private Exact(shape, density: Energy) =
    inherit Method("exact", shape)
    override _.Parts = dict [] |> Collections.Generic.Dictionary :> Collections.Generic.IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = raise (InvalidOperationException "not trained")
    override _.Sample(_, _) = raise (InvalidOperationException "not sampled")

    interface IDensity with
        member _.Density = density

/// A method that only samples; the chains are longer the wider.
type private Walker(walk: int64 -> int -> Rng -> torch.Tensor) =
    inherit Method("walker", [| 2L |])
    override _.Parts = Collections.Generic.Dictionary() :> Collections.Generic.IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = raise (InvalidOperationException "not trained")
    override _.Sample(count, rng) = walk count 1 rng

    interface IChains with
        member _.Run(count, times, rng) = walk count times rng

/// Two levels of the plane: energies of the clean one and of the top one.
type private Ladder(clean: torch.Tensor -> torch.Tensor, top: torch.Tensor -> torch.Tensor) =
    inherit Method("ladder", [| 2L |])
    override _.Parts = Collections.Generic.Dictionary() :> Collections.Generic.IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = raise (InvalidOperationException "not trained")
    override _.Sample(_, _) = raise (InvalidOperationException "not sampled")

    interface IDensityReadout with
        member _.Noise = raise (InvalidOperationException "has no noise")

        member _.Levels = {
            new ILevelEnergy with
                member _.Levels = 2
                member _.At(_, _) = raise (InvalidOperationException "only the table")
                member _.All(x) = torch.stack ([| clean x; top x |], 1)
        }

        member _.Readout(x) = (top x - clean x).sub(x.square().sum(-1L).div(2.0.ToScalar())).sub((log (2.0 * Math.PI)).ToScalar())

let private times (factor: float) (t: torch.Tensor) = t.mul (factor.ToScalar())
let private plus (term: float) (t: torch.Tensor) = t.add (term.ToScalar())

/// |x − m|² / 2 v summed over coordinates.
let private bell (mean: float) (variance: float) (x: torch.Tensor) =
    x |> plus -mean |> fun d -> d.square().sum(-1L) |> times (0.5 / variance)

let private one dimension sd = GaussiansSpec(Dimension = dimension, Modes = 1, Radius = 0, Sd = sd, Train = 1000, Test = 1000).Build site

let private measureWith (spec: ISpec<IMetric>) method (data: IDataset) (samples: torch.Tensor) seed =
    spec.Build(site).Measure(Subject(method, data, samples, new Rng(seed))) |> List.ofSeq

/// In double precision: the rows a metric hands over have the samples' type.
let private measure spec method data =
    let samples = torch.zeros ([| 2L; Seq.head (data: IDataset).Shape |], dtype = torch.float64)
    measureWith spec method data samples 1UL

let private value name (found: Measurement list) =
    match found |> List.tryFind (fun m -> m.Name = name) with
    | Some m -> m.Value
    | None -> let names = found |> List.map _.Name in failwith $"{name} was not measured, only {names}"

let private close what found expected tolerance =
    if not (abs (found - expected) <= tolerance) then
        failwith $"{what}: {found} for {expected}, where {tolerance:e1} is allowed"

let private grid cells = GridKlSpec(Cells = cells)

let private gridKl = [
    for dimension in [ 1; 2 ] do
        law $"grid-kl is the closed form between two Gaussians in {dimension} dimensions, forward, reverse and to the moments" (fun () ->
            let sd, mean, variance = 0.5, 0.3, 0.4
            let data = one dimension sd
            let model = new Exact(data.Shape, Energy(fun x -> bell mean variance x |> plus 17.0))
            let d = float dimension

            let kl v m w = d / 2.0 * (v / w - 1.0 + log (w / v) + m * m / w)

            let fine, coarse = measure (grid 512) model data, measure (grid 256) model data

            for name, expected in
                [ "grid-kl", kl (sd * sd) mean variance; "grid-kl/reverse", kl variance mean (sd * sd); "grid-kl/gaussian", 0.0 ] do
                // What halving the cells still changed, and what lies outside the box at eight standard deviations of the target
                // and 5.8 of the model.
                close name (value name fine) expected (abs (value name fine - value name coarse) + 1e-6))

    law "grid-kl of the truth is zero, whatever constant its energy has, and its picture is the truth's" (fun () ->
        let exact: ISpec<IDataset> list = [
            GaussiansSpec(Train = 1, Test = 1)
            RingsSpec(Train = 1, Test = 1)
            TwoMoonsSpec(Train = 1, Test = 1)
        ]

        for spec in exact do
            let data = spec.Build site
            let truth = data :?> IKnownDensity
            let found = measure (grid 512) (new Exact([| 2L |], Energy(fun x -> truth.LogDensity(x).neg() |> plus -1000.0))) data
            close data.Name (value "grid-kl" found) 0.0 1e-9
            close data.Name (value "grid-kl/reverse" found) 0.0 1e-9
            let arrays = found |> List.collect (fun m -> List.ofSeq m.Arrays)
            let picture name = arrays |> List.find (fun a -> a.Name = name)

            if picture("landscape").Shape <> [| 128L; 128L |] then failwith "the picture is not 128 x 128"

            // float32 of numbers up to some thousand nats, of which 1000 cancelled.
            for a, b in Array.zip (picture "landscape").Values (picture "truth").Values do
                if not (abs (a - b) <= 1e-6f * (1000f + abs b)) then failwith $"the landscape shows {a} where the truth is {b}")

    law "a picture has its rows along y and its mass is the model's" (fun () ->
        let data = one 2 0.5
        let narrowUp = Energy(fun x -> x.select(-1L, 0L).square() + (x.select (-1L, 1L) |> plus -1.0).square() |> times 4.0)
        let found = measure (grid 512) (new Exact([| 2L |], narrowUp)) data
        let picture = found |> List.collect (fun m -> List.ofSeq m.Arrays) |> List.find (fun a -> a.Name = "landscape")
        let cell = 8.0 / 128.0
        let mass = picture.Values |> Array.sumBy (fun l -> exp (float l) * cell * cell)
        close "mass" mass 1.0 1e-5
        let top = picture.Values |> Array.indexed |> Array.maxBy snd |> fst
        close "row of the maximum" (float (top / 128)) 80.0 1.0
        close "column of the maximum" (float (top % 128)) 64.0 1.0)

    law "the moment-matched Gaussian's divergence is 2.008 nats on gaussians, .897 on rings and 1.028 on the checkerboard" (fun () ->
        for spec: ISpec<IDataset>, expected in
            [
                GaussiansSpec(Train = 1, Test = 1) :> ISpec<IDataset>, 2.008
                RingsSpec(Train = 1, Test = 1), 0.897
                // Covariance ((4/3, 1/4), (1/4, 4/3)) against an entropy of log 8.
                CheckerboardSpec(Train = 1, Test = 1), log (2.0 * Math.PI * Math.E) + log (16.0 / 9.0 - 1.0 / 16.0) / 2.0 - log 8.0
            ] do
            let data = spec.Build site
            let found = measure (grid 512) (new Exact([| 2L |], Energy(bell 0.0 1.0))) data
            close data.Name (value "grid-kl/gaussian" found) expected 5e-4)

    law "the reverse divergence to the checkerboard, infinite for every energy, is not reported" (fun () ->
        let found =
            measure (grid 512) (new Exact([| 2L |], Energy(bell 0.0 1.0))) (CheckerboardSpec(Train = 1, Test = 1).Build site)

        if found |> List.exists (fun m -> m.Name = "grid-kl/reverse") then failwith "it was reported")

    law "the mass within 5 % of the border is that of a flat energy, 1 - .95²" (fun () ->
        let found =
            measure
                (GridKlSpec(Cells = 1000, Picture = 100))
                (new Exact([| 2L |], Energy(fun x -> torch.zeros_like (x.select (-1L, 0L)))))
                (one 2 0.5)
        close "border" (value "grid-kl/border" found) (1.0 - 0.95 * 0.95) 1e-9)

    law "a target that the grid does not resolve stops the measurement, with the sentence that says so" (fun () ->
        let narrow = GaussiansSpec(Sd = 0.004, Train = 1, Test = 1).Build site

        try
            measure (grid 512) (new Exact([| 2L |], Energy(bell 0.0 1.0))) narrow |> ignore
            failwith "was accepted"
        with :? InvalidOperationException as error when error.Message.Contains "raise cells" ->
            ())
]

let private distance (x: torch.Tensor) (y: torch.Tensor) =
    let struct (value, se) = EnergyDistance.Between(x, y)
    value, se

let private mean (values: float seq) = Seq.average values

let private sd (values: float list) =
    let m = mean values
    sqrt (List.sumBy (fun v -> (v - m) ** 2.0) values / float (values.Length - 1))

let private energyDistance = [
    law "the energy distance of a handful of points is the definition, summed pair by pair" (fun () ->
        let x, y = [| 0.0; 1.0; 3.0 |], [| 2.0; 7.0 |]
        let found, _ = distance (torch.tensor(x).reshape(3, 1)) (torch.tensor(y).reshape(2, 1))

        let across =
            Seq.average (
                seq {
                    for a in x do
                        for b in y -> abs (a - b)
                }
            )
        close "distance" found (2.0 * across - 2.0 - 5.0) 1e-6)

    law "between N(0, 1) and N(1, 1) the energy distance is 2 E|N(1, 2)| - 4/√π, and its standard error is its spread" (fun () ->
        let rng = new Rng(4UL)
        let repetitions = 300
        let found = [ for _ in 1..repetitions -> distance (rng.Normal(200L, 1L)) (rng.Normal(300L, 1L) |> plus 1.0) ]
        // E|N(m, s²)| = s √(2/π) exp(−m²/2s²) + m erf(m / s√2), with m = 1, s² = 2: erf(1/2) = .5204998778.
        let folded = sqrt (4.0 / Math.PI) * exp -0.25 + 0.5204998778130465
        let values = List.map fst found
        close "mean" (mean values) (2.0 * folded - 4.0 / sqrt Math.PI) (4.5 * sd values / sqrt (float repetitions))
        // A standard deviation from n values has a relative error of 1/√2n.
        close "standard error over spread" (mean (List.map snd found) / sd values) 1.0 (4.5 / sqrt (2.0 * float repetitions)))

    law "between equal laws the energy distance is zero on average, and its standard error √2 times its spread" (fun () ->
        let rng = new Rng(5UL)
        let repetitions = 400
        let found = [ for _ in 1..repetitions -> distance (rng.Normal(150L, 8L)) (rng.Normal(250L, 8L)) ]
        let values = List.map fst found
        close "mean" (mean values) 0.0 (4.5 * sd values / sqrt (float repetitions))
        close
            "standard error over spread"
            (mean (List.map snd found) / sd values)
            (sqrt 2.0)
            (sqrt 2.0 * 4.5 / sqrt (2.0 * float repetitions)))

    law
        "energy-distance stands between its floor and the moment-matched Gaussian's for samples that are the truth, within standard errors"
        (fun () ->
            for spec: ISpec<IDataset>, gaussian in
                [ GaussiansSpec() :> ISpec<IDataset>, 0.070; RingsSpec(), 0.012; CheckerboardSpec(), 0.015 ] do
                let data = spec.Build site
                let samples = (data :?> IKnownDensity).Draw(2000L, new Rng(8UL))
                let found = measureWith (EnergyDistanceSpec()) (new Exact([| 2L |], Energy(bell 0.0 1.0))) data samples 9UL
                let se name = (found |> List.find (fun m -> m.Name = name)).Se.Value

                for name, expected in [ "energy-distance", 0.0; "energy-distance/floor", 0.0; "energy-distance/gaussian", gaussian ] do
                    close $"{data.Name}, {name}" (value name found) expected (4.5 * se name + 5e-4))
]

let private modeWeights = [
    law "mode-weights of samples placed by hand is their distance from the weights" (fun () ->
        let data = GaussiansSpec(Weights = [| 0.5; 0.25; 0.25 |], Train = 1, Test = 1).Build site
        let known = data :?> IKnownDensity
        // Twelve samples on the three modes: shares 1/2, 1/3, 1/6.
        let angle k = 2.0 * Math.PI * float k / 3.0

        let samples =
            [| 0; 0; 0; 0; 0; 0; 1; 1; 1; 1; 2; 2 |] |> Array.collect (fun k -> [| 1.5 * cos (angle k); 1.5 * sin (angle k) |])

        let found =
            measureWith (ModeWeightsSpec()) (new Exact([| 2L |], Energy(bell 0.0 1.0))) data (torch.tensor(samples).reshape(12, 2)) 1UL
        ignore known
        close "mode-weights" (value "mode-weights" found) (1.0 / 6.0) 1e-12)

    law "mode-weights of the truth is its floor on average" (fun () ->
        let data = GaussiansSpec(Train = 1, Test = 1).Build site
        let rng = new Rng(6UL)

        let found = [
            for _ in 1..200 ->
                measureWith
                    (ModeWeightsSpec())
                    (new Exact([| 2L |], Energy(bell 0.0 1.0)))
                    data
                    ((data :?> IKnownDensity).Draw(4000L, rng))
                    1UL
        ]

        let values = found |> List.map (value "mode-weights")
        let floor = value "mode-weights/floor" found.Head
        // The normal limit of a count of mean 200 is itself right to about a hundredth.
        close "mean" (mean values) floor (4.5 * sd values / sqrt 200.0 + floor / 100.0))
]

let private longRun = [
    law "long-run judges chains as long as it says, under their names" (fun () ->
        let data = one 2 1.0
        let asked = Collections.Generic.List<int>()

        let drift =
            new Walker(fun count times rng ->
                asked.Add times
                rng.Normal(count, 2L) |> plus (log10 (float times)))

        let found = measureWith (LongRunSpec(Factors = [| 1; 10; 100 |])) drift data (torch.zeros (2L, 2L)) 1UL

        if List.ofSeq asked <> [ 1; 10; 100 ] then failwith $"chains were run {List.ofSeq asked} times as long"

        if (found |> List.map _.Name) <> [ "long-run/1"; "long-run/10"; "long-run/100" ] then
            failwith $"the names are {found |> List.map _.Name}"

        close "in place" found[0].Value 0.0 (4.5 * found[0].Se.Value)

        if not (found[2].Value > found[1].Value && found[1].Value > 10.0 * found[1].Se.Value) then
            failwith $"chains that drift stay at {found |> List.map _.Value}")
]

let private readout = [
    law "density-readout is log(Z_0 / Z_T) where the top level is N(0, I), exactly" (fun () ->
        let ladder = new Ladder((fun x -> bell 0.1 0.25 x |> plus 0.7), (fun x -> bell 0.0 1.0 x |> plus -0.2))
        let found = measure (DensityReadoutSpec()) ladder (one 2 0.5)
        let logZ variance shift = log (2.0 * Math.PI * variance) - shift
        let expected = logZ 0.25 0.7 - logZ 1.0 -0.2
        close "normaliser" (value "density-readout/normaliser" found) expected 1e-9
        close "top" (value "density-readout/top" found) 0.0 1e-9
        close "readout" (value "density-readout" found) (abs expected) 1e-9)

    law "density-readout's error is its two deviations, where the top level is not N(0, I)" (fun () ->
        let data = one 2 0.5
        let variance = 0.8
        let ladder = new Ladder(bell 0.0 0.25, bell 0.0 variance)
        let found = measure (DensityReadoutSpec(Rows = 500L)) ladder data
        let normaliser = log (0.25 / variance)
        close "normaliser" (value "density-readout/normaliser" found) normaliser 1e-9

        // log N(x; 0, v) − log N(x; 0, 1) at the test rows.
        let brackets =
            data.Test.``to``(torch.float64).data<double>().ToArray()
            |> Array.chunkBySize 2
            |> Array.truncate 500
            |> Array.map (fun x -> (x[0] * x[0] + x[1] * x[1]) / 2.0 * (1.0 - 1.0 / variance) - log variance)

        let root (values: float[]) = sqrt (values |> Array.averageBy (fun v -> v * v))
        close "top" (value "density-readout/top" found) (root brackets) 1e-9
        close "readout" (value "density-readout" found) (root (brackets |> Array.map (fun b -> normaliser - b))) 1e-9)
]

let private apply = [
    law "a metric that does not apply yields nothing" (fun () ->
        let plane = one 2 0.5
        let walker = new Walker(fun count _ rng -> rng.Normal(count, 2L))
        let density = new Exact([| 3L |], Energy(bell 0.0 1.0))

        for spec: ISpec<IMetric>, method: Method, data in
            [
                GridKlSpec() :> ISpec<IMetric>, walker :> Method, plane
                GridKlSpec(), density, one 3 0.5
                EnergyValuesSpec(), walker, plane
                LongRunSpec(), density, plane
                DensityReadoutSpec(), density, plane
            ] do
            match measure spec method data with
            | [] -> ()
            | found -> failwith $"{spec}: {found |> List.map _.Name}")

    law "energies of real rows and of samples are the model's, and their gap is the mean's" (fun () ->
        let data = one 2 0.5
        let samples = torch.ones ([| 10L; 2L |], dtype = torch.float64)
        let found = measureWith (EnergyValuesSpec()) (new Exact([| 2L |], Energy(bell 0.0 1.0))) data samples 1UL
        let arrays = found.Head.Arrays
        let of' name = (arrays |> Seq.find (fun a -> a.Name = name)).Values
        if of' "energies-samples" <> Array.create 10 1f then failwith "energies of samples"
        if (of' "energies-data").Length <> 1000 then failwith "energies of data"
        close "gap" found.Head.Value (1.0 - (of' "energies-data" |> Array.averageBy float)) 1e-6)

    law "measuring twice from one stream gives the same numbers, and every number says its unit, direction and protocol" (fun () ->
        let data = GaussiansSpec(Train = 5000, Test = 5000).Build site
        let method = new Exact([| 2L |], Energy(bell 0.0 1.0))
        let samples = (data :?> IKnownDensity).Draw(500L, new Rng(1UL))

        let metrics: ISpec<IMetric> list = [ GridKlSpec(); EnergyDistanceSpec(); ModeWeightsSpec(); EnergyValuesSpec() ]

        for spec in metrics do
            let first, again = measureWith spec method data samples 3UL, measureWith spec method data samples 3UL

            if (first |> List.map _.Value) <> (again |> List.map _.Value) then failwith $"{spec} differs from itself"

            for m in first do
                if m.Unit = "" || isNull m.Protocol || not (List.contains m.Better [ "lower"; "higher"; "none" ]) || not m.N.HasValue then
                    failwith $"{m}")
]

let all: Law list = gridKl @ energyDistance @ modeWeights @ longRun @ readout @ apply
