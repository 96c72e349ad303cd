/// Denoising-EBM: the energy of the best reconstruction, its slope, the stability and bias of its chains, and the four ways to generate.
module Ebm.Tests.Laws.DenoisingLaws

open System
open System.Collections.Generic
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// r(x̃, σ) = k x̃ and f(x̃, σ) = x̃: for N(0, s²) the best reconstruction has this form, with k = s²/(s² + σ²).
type private Shrinking(k: float) as this =
    inherit Autoencoder("shrinking")
    let k = new Parameter(number k)
    do this.register_parameter ("k", k)
    member _.K = k
    override _.Encoded(noisy, _) = noisy
    override _.Restored(noisy, _) = k * noisy

/// A given decoder h.
type private Decoding(h: Tensor -> Tensor) =
    inherit torch.nn.Module<Tensor, Tensor>("decoding")
    override _.forward z = h z

let private autoencoder (net: Autoencoder) = {
    new IAutoencoderSpec with
        member _.Build(_, _, _) = net
}

let private decoder (h: Tensor -> Tensor) = {
    new INetSpec with
        member _.Build(_, _, _) = new Decoding(h)
}

let private schedule = {
    new ISpec<NoiseSchedule> with
        member _.Build _ = NoiseSchedule.Geometric(0.1, 1.0, 4)
}

/// Unadjusted chains with a given step size, on rows from N(0, width²).
let private spec (net: Autoencoder) (h: Tensor -> Tensor) sigma step =
    DenoisingEbmSpec(
        autoencoder net,
        decoder h,
        schedule,
        Codes = 1,
        Sigma = sigma,
        Adjusted = false,
        StepRule = StepRule.Literal,
        RowStep = step,
        CodeStep = step,
        Leaps = 0,
        Stages = Stages.PixelOnly,
        WarmUp = 0.0,
        Magnitude = 0.0,
        Confinement = 1e8
    )

let private built (dimension: int64) (spec: DenoisingEbmSpec) =
    spec.Build(Site([| dimension |], device, rng "denoising-ebm", Folder.dataRoot)) :?> DenoisingEbm

let private best s sigma = s * s / (s * s + sigma * sigma)

/// Variance of exp(−E_ε U^c) under the best reconstruction of N(0, s²) (from eq. 7).
let private implied s sigma = (s * s + sigma * sigma) ** 2.0 / (sigma * sigma)

let private stated = 4

// ── the energy of the best reconstruction ───────────────────────────────────────────────

/// Mean over fresh noise of U^c(x) − U^c(0), in pairs with the same noise, compared with x²/2v.
let private bends v s sigma =
    let method =
        built
            1L
            (DenoisingEbmSpec(
                autoencoder (new Shrinking(best s sigma)),
                decoder id,
                schedule,
                Codes = 1,
                Sigma = sigma,
                EnergyNoise = EnergyNoise.Fixed
            ))
    let energy = method.Error.Texture(repeated 40_000L stated, rng $"bends {s} {sigma}")
    let at (x: float) = values (energy.Of(torch.full ([| 40_000L; 1L |], scalar x, device = device)))
    let x = 2.0 * s
    let there, here = at x, at 0.0
    Close.near $"U(2s) − U(0), s = {s}, σ = {sigma}" (x * x / (2.0 * v s sigma)) (Array.map2 (-) there here |> Close.mean)

let private pairs = [ 1.0, 0.1; 1.0, 0.5; 1.0, 1.0; 0.3, 0.2; 2.0, 1.0 ]

/// Slope in k of the mean reconstruction error, over draws.
let private reconstruction k =
    let s, sigma = 0.7, 0.4
    let net = new Shrinking(k)
    let fixed' = {
        new ISpec<NoiseSchedule> with
            member _.Build _ = NoiseSchedule(torch.ones (1L, device = device), row [ sigma ])
    }
    let method = built 1L (DenoisingEbmSpec(autoencoder net, decoder id, fixed', Codes = 1, WarmUp = 1.0))
    let data = Batches((s * (rng "reconstruction").Normal(20_000L, 1L): torch.Tensor), 500L, rng "batches")

    [|
        for i in 1L .. 200L do
            let update = method.Iterate(data, (rng "updates").Stream i) |> Seq.head
            must $"the first update is one of {update.Part}" (update.Part = "denoise")
            value (gradients update.Loss [ net.K ]).[0]
    |]
    |> Close.mean

// ── the slope ───────────────────────────────────────────────────────────────────────────

let private net () = MlpAutoencoderSpec(Width = 16, Depth = 3, InputScale = 1.0).Build(rng "autoencoder", [| 2L |], 2L)
let private curved (z: Tensor) = z + 0.3 * (2.0 * z.roll (1L, 1L)).sin()
let private point () = (rng "point").Normal(1L, 2L)

let private real noise =
    built 2L (DenoisingEbmSpec(autoencoder (net ()), decoder curved, schedule, Codes = 2, Sigma = 0.4, EnergyNoise = noise))

/// (1/σ²)(I − J)ᵀ (x − r(x)), eq. 21, with J one row of r at a time.
let private equation21 (jacobian: Tensor -> Tensor) =
    let net, x, sigma = net (), point (), 0.4
    let restore (x: Tensor) = net.Restore(x, row [ sigma ])
    let at = x.detach().requires_grad_ true
    let j = torch.stack ([| for i in 0L .. 1L -> (gradients ((restore at).select(1L, i).sum()) [ at ]).[0].squeeze 0L |])
    let misfit = (x - restore x).detach().squeeze 0L
    ((torch.eye (2L, device = device) - jacobian j).t().matmul misfit / (sigma * sigma)).unsqueeze 0L

let private slopeIs (due: Tensor) =
    let struct (_, slope) = (real EnergyNoise.None).Error.Texture(repeated 1L stated, rng "none").WithSlope(point ())
    Close.same "the slope of U^c" 200 due slope

/// Every slope compared with differences of its energy along a direction.
let private differ (bent: Tensor -> Tensor) =
    for noise in [ EnergyNoise.None; EnergyNoise.Fixed ] do
        let method = real noise
        for name, energy in
            [
                "texture", method.Error.Texture(repeated 1L 2, rng "held")
                "semantic", method.Error.Semantic(repeated 1L 1, rng "held")
                "density", method.Density
            ] do
            let x, v = point (), (rng "direction").Normal(1L, 2L)
            let struct (_, slope) = energy.WithSlope x
            let due = Close.derivative (fun h -> value (energy.Of(x + h * v)))
            Close.near $"{name}, {noise} noise: slope along v" (value ((bent slope * v).sum())) due

// ── chains ──────────────────────────────────────────────────────────────────────────────

let private chains = 4000L

/// Variance of rows after many steps from N(0, start²).
let private settled (start: float) (moves: int) (spec: DenoisingEbmSpec) =
    let method =
        built
            1L
            (DenoisingEbmSpec(
                spec.Autoencoder,
                spec.Decoder,
                spec.Noise,
                Codes = 1,
                Sigma = spec.Sigma,
                EnergyNoise = spec.EnergyNoise,
                Adjusted = spec.Adjusted,
                StepRule = spec.StepRule,
                Kappa = spec.Kappa,
                RowStep = spec.RowStep,
                CodeStep = spec.CodeStep,
                Leaps = spec.Leaps,
                RowMoves = spec.RowMoves,
                Stages = spec.Stages,
                Width = start,
                SampleRowMoves = moves,
                SampleCodeMoves = moves,
                Confinement = spec.Confinement,
                CodeConfinement = spec.CodeConfinement,
                AdjustedCodes = spec.AdjustedCodes
            ))
    Close.column (method.Run(chains, 1, rng "chains")) 0

/// U^c = |(1 − k)x − kε|²/2σ² has curvature a = (1 − k)²/σ² and, with fresh ε, a slope of variance b² = (1 − k)²k²/σ²: a step multiplies the
/// variance by (1 − ηa)² and adds 2η + η²b².
let private stationary a b2 eta = (2.0 + eta * b2) / (a * (2.0 - eta * a))

let private fresh noise predicted =
    let sigma, k = 1.0, 0.5
    let a, b2 = (1.0 - k) ** 2.0 / sigma ** 2.0, (1.0 - k) ** 2.0 * k ** 2.0 / sigma ** 2.0

    for eta in [ 1.0; 2.0; 4.0 ] do
        let due: float = predicted a b2 eta
        let s = spec (new Shrinking(k)) id sigma eta
        let s =
            DenoisingEbmSpec(
                s.Autoencoder,
                s.Decoder,
                s.Noise,
                Codes = 1,
                Sigma = sigma,
                EnergyNoise = noise,
                Adjusted = false,
                StepRule = StepRule.Literal,
                RowStep = eta,
                Leaps = 0,
                Stages = Stages.PixelOnly,
                Confinement = 1e8
            )
        // After ln .05 / ln|1 − ηa| steps a twentieth of the start is left, and the start is close to the stationary distribution.
        Close.near $"η = {eta}" due (settled (sqrt due) 40 s |> Close.variance)

/// If r projects, r = 0 and U^c = x²/2σ²: a chain of step η multiplies by 1 − η/σ².
let private projecting sigma rule eta kappa =
    let s =
        DenoisingEbmSpec(
            autoencoder (new Shrinking 0.0),
            decoder id,
            schedule,
            Codes = 1,
            Sigma = sigma,
            Adjusted = false,
            StepRule = rule,
            Kappa = kappa,
            RowStep = eta,
            Leaps = 0,
            Stages = Stages.PixelOnly,
            Confinement = 1e8
        )
    settled sigma 400 s

let private diverges what (x: float[]) =
    let spread = sqrt (Array.averageBy (fun v -> v * v) x)
    must $"{what}: chains did not diverge, root mean square {spread:G3}" (not (Double.IsFinite spread) || spread > 1e4)

let private staysAt what sigma eta (x: float[]) = Close.near what (stationary (1.0 / (sigma * sigma)) 0.0 eta) (Close.variance x)

let private sigmas = [ 0.02; 0.05; 0.07; 0.1; 0.3 ]

// ── likelihood ──────────────────────────────────────────────────────────────────────────

/// Implied variance at ε = 0 after some steps of the texture's contrast from the best reconstruction; `sign` −1 is the planted error.
let private learned sign steps =
    let s, sigma = 1.0, 0.5
    let net = new Shrinking(best s sigma)
    let method =
        built
            1L
            (DenoisingEbmSpec(
                autoencoder net,
                decoder id,
                schedule,
                Codes = 1,
                Sigma = sigma,
                WarmUp = 0.0,
                Every = 1_000_000,
                FromDecoder = 0.0,
                FromData = 0.0,
                FromNoise = 0.0,
                Leaps = 1,
                RowMoves = 4,
                RowStep = 1.0,
                Kappa = 4.0,
                Width = 1.0,
                Memory = 2000,
                Magnitude = 0.0,
                Confinement = 1e8
            ))
    let data = Batches((s * (rng "likelihood").Normal(50_000L, 1L): torch.Tensor), 1000L, rng "batches")
    let k () = value net.K
    let path = ResizeArray()

    for i in 1L .. steps do
        use _ = torch.NewDisposeScope()

        for update in method.Iterate(data, (rng "updates").Stream i) do
            if update.Part = "texture" then
                let g = (gradients update.Loss [ net.K ]).[0]
                use _ = torch.no_grad ()
                net.K.sub_ (sign * 0.02 * g) |> ignore

        path.Add(k ())

    let late = path |> Seq.skip (int steps / 2) |> Seq.average
    sigma * sigma / ((1.0 - late) ** 2.0)

/// Within 5 %, as preregistered: before, (s² + σ²)²/σ²; after, s².
let private claims sign =
    let before, after = learned 0.0 2L, learned sign 400L
    must $"before: implied variance {before:G4}, instead of {implied 1.0 0.5:G4} within 5 %%" (abs (before / implied 1.0 0.5 - 1.0) < 0.05)
    must $"after: implied variance {after:G4}, instead of 1 within 5 %%" (abs (after - 1.0) < 0.05)

// ── generation ──────────────────────────────────────────────────────────────────────────

let private scale' = 3.0

/// A given number of moves on codes that decode to three times themselves, k = 1/2, σ = 1: U^c = x²/8.
let private generatesBy adjusted adjustedCodes codeWidth stages moves step =
    let s =
        DenoisingEbmSpec(
            autoencoder (new Shrinking 0.5),
            decoder (fun z -> scale' * z),
            schedule,
            Codes = 1,
            Sigma = 1.0,
            StepRule = StepRule.Literal,
            RowStep = step,
            CodeStep = step,
            Leaps = 0,
            Stages = stages,
            Width = 0.5,
            Confinement = 1e8,
            CodeConfinement = Nullable codeWidth,
            Adjusted = adjusted,
            AdjustedCodes = adjustedCodes
        )
    settled 0.5 moves s |> Close.variance

let private generatesWithin codeWidth stages moves step = generatesBy true (Nullable()) codeWidth stages moves step

let private generates stages moves step = generatesWithin 1e8 stages moves step

/// The energy of codes is 9z²/8 + z²/2w².
let private confined width =
    Close.near "variance of decoded codes" (9.0 / (9.0 / 4.0 + 1.0)) (generatesWithin width Stages.DecoderOnly 300 1.0)

/// Unadjusted steps of .4 would nearly triple the variance of codes, whose energy has curvature 3.25; those of 1 add a seventh to that of rows, 4.
let private adjusts adjusted adjustedCodes =
    let generates stages step = generatesBy adjusted adjustedCodes 1.0 stages 300 step
    Close.near "variance of decoded codes" (9.0 / 3.25) (generates Stages.DecoderOnly 0.4)
    Close.near "variance of rows" (stationary 0.25 0.0 1.0) (generates Stages.WithoutLatentChain 1.0)

/// h = 2z + 1.9 sin z, invertible: codes without h′ decode to exp(−U)/h′. By quadrature over codes, of a weight that may restore h′.
let private neglected (weight: float -> float) =
    let a = 0.25
    let stretched z = 2.0 * z + 1.9 * sin z
    let grid = [| for i in -4000 .. 4000 -> float i * 0.003 |]
    let mass = grid |> Array.map (fun z -> exp (-a * stretched z ** 2.0 / 2.0) * weight (2.0 + 1.9 * cos z))
    let second = Array.sum (Array.map2 (fun z m -> stretched z ** 2.0 * m) grid mass) / Array.sum mass
    let s =
        DenoisingEbmSpec(
            autoencoder (new Shrinking 0.5),
            decoder (fun z -> 2.0 * z + 1.9 * z.sin ()),
            schedule,
            Codes = 1,
            Sigma = 1.0,
            StepRule = StepRule.Literal,
            CodeStep = 0.3,
            Leaps = 0,
            Stages = Stages.DecoderOnly,
            Confinement = 1e8
        )
    Close.near "mean x² of decoded chains" second (settled 1.0 60 s |> Array.map (fun x -> x * x) |> Close.mean)

/// Leaps of several lengths on N(μ, Σ) at a temperature, from draws of the target.
let private leaps (kernel: IProposal -> IKernel) =
    let world = Gaussian.Gaussian.Of([ 0.5; -1.0 ], [ [ 0.6; 0.4 ]; [ 0.4; 0.6 ] ])
    let tempered = Gaussian.Gaussian(world.Mean, 0.5 * world.Covariance)
    let length = (row [ 0.1; 0.5; 2.0; 4.0 ]).repeat 2500L
    let ends = (kernel (RandomWalk(length, 0.5))).Run(world.Energy, tempered.Draw(10_000L, rng "leaps"), 20, rng "leap")
    Close.moments "after twenty leaps" tempered.MeanValues tempered.CovarianceValues ends

// ── the algorithm, and the nets for images ──────────────────────────────────────────────

/// Parts that one step updates, in order.
let private parts warmUp rounds every fromDecoder =
    let method =
        built
            1L
            (DenoisingEbmSpec(
                autoencoder (new Shrinking(0.5)),
                decoder id,
                schedule,
                Codes = 1,
                WarmUp = warmUp,
                Rounds = rounds,
                Every = every,
                FromDecoder = fromDecoder,
                FromData = 0.0
            ))
    let data = Batches((rng "parts").Normal(100L, 1L), 10L, rng "batches")

    [ for i in 1L .. 2L -> method.Iterate(data, (rng "updates").Stream i) |> Seq.map _.Part |> String.concat " " ]

let private takes due found = must $"""the updates were {String.concat " | " found}, instead of {String.concat " | " due}""" (due = found)

/// Slots of memory that one step changed, with 100 rows and given shares that start at decoded codes and at data.
let private stored fromDecoder fromData =
    let method =
        built
            1L
            (DenoisingEbmSpec(
                autoencoder (new Shrinking(0.5)),
                decoder id,
                schedule,
                Codes = 1,
                WarmUp = 0.0,
                FromDecoder = fromDecoder,
                FromData = fromData,
                FromNoise = 0.0,
                Adjusted = false,
                Memory = 300
            ))
    let points () = method.state_dict().["chains.points"]
    let before = (points ()).clone()
    method.Iterate(Batches((rng "stored").Normal(100L, 1L), 100L, rng "batches"), rng "update") |> Seq.length |> ignore
    values ((points ()).ne(before).``to`` torch.float64) |> Array.sum |> int

/// The slope of r of a small image along a direction of pixels, by autograd and by differences.
let private imageSlope (sign: float) =
    let net = ConvAutoencoderSpec(2).Build(rng "conv", [| 1L; 8L; 8L |], 3L)
    let h = ConvDecoderSpec(2).Build(rng "conv decoder", [| 3L |], [| 1L; 8L; 8L |])
    let x, v = (rng "image").Normal(2L, 1L, 8L, 8L), (rng "direction").Normal(2L, 1L, 8L, 8L)
    let sigma = row [ 0.2; 0.7 ]
    let energy = Energy(fun x -> (x - h.call (net.Encode(x, sigma)) - net.Restore(x, sigma)).square().flatten(1L).sum(1L))
    let struct (_, slope) = energy.WithSlope x
    let due = Close.derivative (fun t -> value ((energy.Of(x + t * v)).sum()))
    Close.near "slope along v" (sign * value ((slope * v).sum())) due

/// Keeps its inputs, the last first.
type private Keeping() as this =
    inherit Autoencoder("keeping")
    let k = new Parameter(number 0.0)
    do this.register_parameter ("k", k)
    member val Seen: Tensor list = [] with get, set
    override _.Encoded(noisy, _) = noisy

    override keeping.Restored(noisy, _) =
        keeping.Seen <- noisy :: keeping.Seen
        k * noisy

/// Rows of the texture contrast's data: with noise, their mean square is s² + σ².
let private positives noisy due =
    let net = new Keeping()

    let sigma, width = 0.5, 1.0
    let method =
        built
            1L
            (DenoisingEbmSpec(
                autoencoder net,
                decoder id,
                schedule,
                Codes = 1,
                Sigma = sigma,
                NoisyData = noisy,
                WarmUp = 0.0,
                Every = 1_000_000,
                Leaps = 0,
                Adjusted = false,
                FromDecoder = 0.0,
                FromData = 0.0,
                Memory = 4000
            ))
    let data = Batches((width * (rng "positives").Normal(4000L, 1L): torch.Tensor), 4000L, rng "batches")
    method.Iterate(data, rng "positives") |> Seq.iter ignore
    // The energy of data is computed before that of the chains' ends.
    let rows = values net.Seen.Tail.Head
    Close.near "mean square of the contrast's data" (width * width + due * sigma * sigma) (Close.mean (rows |> Array.map (fun x -> x * x)))

/// Generation with the last step r(x) gives r of the rows without it.
let private restoresLast (k: float) =
    let rows denoise =
        let settings =
            DenoisingEbmSpec(
                autoencoder (new Shrinking 0.5),
                decoder id,
                schedule,
                Codes = 1,
                Sigma = 0.4,
                Leaps = 0,
                Adjusted = false,
                Stages = Stages.PixelOnly,
                SampleRowMoves = 5,
                Denoise = denoise
            )
        (built 1L settings).Sample(50L, rng "restored")
    Close.same "restored rows" 64 (k * rows false) (rows true)

/// With r(x) = x/2, exp(−U^c) is N(0, 4σ²), which a step of σ²/2 widens to 4σ²/(1 − 1/16). Sixty of them at each σ reach it from anywhere, so that
/// generated rows have the variance of the last σ.
let private annealsTo (last: float) annealed =
    let levels = 4
    let settings =
        DenoisingEbmSpec(
            autoencoder (new Shrinking 0.5),
            decoder id,
            schedule,
            Codes = 1,
            Sigma = 0.6,
            Leaps = 0,
            Adjusted = false,
            RowStep = 1.0,
            Stages = Stages.PixelOnly,
            SampleRowMoves = 60 * levels,
            Annealed = annealed
        )
    let rows = values ((built 1L settings).Sample(4000L, rng "annealed"))
    Close.near
        $"annealed {annealed}, mean square"
        (4.0 * last * last / (1.0 - 1.0 / 16.0))
        (Close.mean (rows |> Array.map (fun x -> x * x)))

/// L⁻¹(z − m) with covariance LLᵀ, of a scale's present buffers.
let private standardised (moments: IReadOnlyDictionary<string, Tensor>) (z: Tensor) =
    let covariance = moments["covariance"]
    let floor = 1e-6f.ToScalar() * covariance.diagonal().mean() * torch.eye 2L
    let factor = torch.linalg.cholesky (covariance + floor)
    torch.linalg.solve_triangular(factor, (z - moments["mean"]).t(), false).t()

/// Codes by the moments that a scale begins with, learns, learns again, and loads from another scale. The formula uses the present moments, or the
/// previous ones.
let private factors present =
    use codes = new CodeScale(2L, device)
    use other = new CodeScale(2L, device)
    let draw (name: string) = (rng name).Normal(64L, 2L)
    other.Learn(3.0f.ToTensor() * draw "other" + 1.0f.ToTensor())
    let copied () = readOnlyDict [ for KeyValue(name, value) in codes.state_dict () -> name, value.clone () ]
    let z = draw "codes"

    let steps: (string * (unit -> unit)) list = [
        "fresh", ignore
        "learnt", (fun () -> codes.Learn(draw "first"))
        "learnt again", (fun () -> codes.Learn(2.0f.ToTensor() * draw "second"))
        "loaded", (fun () -> codes.load_state_dict (other.state_dict ()) |> ignore)
    ]

    for what, change in steps do
        let before = copied ()
        codes.Of z |> ignore
        change ()
        Close.same what 64 (standardised (if present then copied () else before) z) (codes.Of z)

let all = [
    law "the texture contrast's data have the noise of chains if it is set" (fun () ->
        positives false 0.0
        positives true 1.0)
    |> breaks "clean data" (fun () -> positives false 1.0)

    law "generation ends with a reconstruction if it is set" (fun () -> restoresLast 0.5)
    |> breaks "rows of the chains" (fun () -> restoresLast 1.0)

    law "annealed generation ends at the schedule's lowest σ, any other at the fixed σ" (fun () ->
        annealsTo 0.1 true
        annealsTo 0.6 false)
    |> breaks "annealed to the level above it" (fun () -> annealsTo (0.1 * 10.0 ** (1.0 / 3.0)) true)

    law "fresh noise in the energy is rejected with adjusted moves and with leaps, which compare energies at two points" (fun () ->
        let spec adjusted adjustedCodes leaps =
            DenoisingEbmSpec(
                autoencoder (net ()),
                decoder id,
                schedule,
                EnergyNoise = EnergyNoise.Fresh,
                Adjusted = adjusted,
                AdjustedCodes = adjustedCodes,
                Leaps = leaps
            )

        spec false (Nullable()) 0 |> ignore
        throws<SettingException, _> [ "Adjusted"; "fresh noise" ] (fun () -> spec true (Nullable()) 0)
        throws<SettingException, _> [ "AdjustedCodes"; "fresh noise" ] (fun () -> spec false (Nullable true) 0)
        throws<SettingException, _> [ "Leaps"; "fresh noise"; "leaps: 0" ] (fun () -> spec false (Nullable()) 2))

    law
        "the best reconstruction of N(0, s²) gives exp(−U^c) variance (s² + σ²)²/σ², at least four times s²: it is not the density of the data"
        (fun () ->
            for s, sigma in pairs do
                must "less than four times s²" (implied s sigma >= 4.0 * s * s - 1e-9)
                bends implied s sigma)
    |> breaks "as if it were the density" (fun () -> bends (fun s _ -> s * s) 1.0 0.5)

    law "reconstruction is best at k = s²/(s² + σ²)" (fun () -> Close.near "slope in k" 0.0 (reconstruction (best 0.7 0.4)))
    |> breaks "at the identity" (fun () -> Close.near "slope in k" 0.0 (reconstruction 1.0))

    law "the slope of the texture energy is (1/σ²)(I − J)ᵀ(x − r(x)) (eq. 21)" (fun () -> slopeIs (equation21 id))
    |> breaks "r's Jacobian omitted" (fun () -> slopeIs (equation21 torch.zeros_like))
    |> breaks "r's Jacobian not transposed" (fun () -> slopeIs (equation21 (fun j -> j.t ())))

    law "texture, semantic and density energies have slopes that agree with differences" (fun () -> differ id)
    |> breaks "a slope a thousandth too large" (fun () -> differ (fun s -> 1.001 * s))

    law "fresh noise in the energy adds η²(1 − k)²k²/σ² to the variance of a step, on top of 2η" (fun () ->
        fresh EnergyNoise.Fresh stationary)
    |> breaks "as if the slope were exact" (fun () -> fresh EnergyNoise.Fresh (fun a _ eta -> stationary a 0.0 eta))
    |> breaks "no noise in the energy" (fun () -> fresh EnergyNoise.None stationary)

    law "a literal step of .01 diverges for σ below .0707 and no other: η < 2σ² (C6)" (fun () ->
        for sigma in sigmas do
            let x = projecting sigma StepRule.Literal 0.01 0.5
            if 0.01 >= 2.0 * sigma * sigma then diverges $"σ = {sigma}" x else staysAt $"σ = {sigma}" sigma 0.01 x)
    |> breaks "the step scaled" (fun () -> diverges "σ = 0.05" (projecting 0.05 StepRule.SigmaScaled 0.01 0.5))

    law "a scaled step never diverges, but one of 4σ² does (C6)" (fun () ->
        for sigma in sigmas do
            staysAt $"σ = {sigma}" sigma (min 0.01 (0.5 * sigma * sigma)) (projecting sigma StepRule.SigmaScaled 0.01 0.5)
            diverges $"4σ² at σ = {sigma}" (projecting sigma StepRule.SigmaScaled 1e9 4.0))
    |> breaks "the printed step" (fun () -> staysAt "σ = 0.05" 0.05 0.00125 (projecting 0.05 StepRule.Literal 0.01 0.5))

    law "the likelihood of the texture energy changes the implied variance of a reconstruction from (s² + σ²)²/σ² to s² (C1)" (fun () ->
        claims 1.0)
    |> breaks "the contrast's sign flipped" (fun () -> claims -1.0)

    law "two-stage, decoder only, without a chain of codes and pixels only start and end as documented" (fun () ->
        let equilibrium, few, many = 4.0, 1, 300

        // One step of 1e-9 leaves rows at their start; three hundred of 1 forget it.
        for stages, begun, ends in
            [
                Stages.PixelOnly, 0.25, equilibrium
                Stages.WithoutLatentChain, scale' * scale', equilibrium
                Stages.DecoderOnly, scale' * scale', equilibrium
                Stages.TwoStage, scale' * scale', equilibrium
            ] do
            Close.near $"{stages}, variance at the start" begun (generates stages few 1e-9)
            Close.near $"{stages}, variance at the end" ends (generates stages many 1.0))
    |> breaks "codes instead of rows" (fun () -> Close.near "variance" 1.0 (generates Stages.WithoutLatentChain 1 1e-9))

    law "chains of codes have the density exp(−U^s) N(0, w² I) for a code confinement w, and rows do not" (fun () ->
        confined 1.0
        Close.near "variance of rows" 4.0 (generatesWithin 1.0 Stages.WithoutLatentChain 300 1.0))
    |> breaks "the confinement of rows" (fun () -> confined 1e8)

    law "chains of codes can be adjusted while those of rows are not" (fun () -> adjusts false (Nullable true))
    |> breaks "neither adjusted" (fun () -> adjusts false (Nullable()))
    |> breaks "both adjusted" (fun () -> adjusts true (Nullable()))

    law "codes without the decoder's Jacobian decode to exp(−U)/|h′|, not to exp(−U) (C7)" (fun () -> neglected (fun _ -> 1.0))
    |> breaks "as if it were included" (fun () -> neglected id)

    law "a step is L rounds of reconstruction, then the contrast of codes, then that of rows; the warm-up is only reconstruction" (fun () ->
        takes [ "denoise decode denoise decode semantic texture"; "denoise decode denoise decode semantic texture" ] (parts 0.0 2 1 1.0)
        takes [ "texture"; "denoise decode texture" ] (parts 0.0 1 2 0.0)
        takes [ "denoise decode"; "denoise decode" ] (parts 0.5 1 4 1.0))
    |> breaks "another round" (fun () -> takes [ "denoise decode texture"; "denoise decode texture" ] (parts 0.0 2 1 0.0))

    law "memory stores the chains that came from it, but no row that started at decoded codes or data" (fun () ->
        for decoded, data, due in [ 1.0, 0.0, 0; 0.0, 1.0, 0; 0.25, 0.25, 50; 0.0, 0.0, 100 ] do
            let slots = stored decoded data
            must $"{slots} slots changed instead of {due}" (slots = due))
    |> breaks "every chain is stored" (fun () -> must "instead of 50" (stored 0.25 0.25 = 100))

    law "a convolutional autoencoder and decoder have slopes that agree with differences" (fun () -> imageSlope 1.0)
    |> breaks "a slope a thousandth too large" (fun () -> imageSlope 1.001)

    law "whitened codes have mean 0 and covariance I, whatever the encoder's" (fun () ->
        let world = Gaussian.Gaussian.Of([ 3.0; -1.0 ], [ [ 4.0; 1.9 ]; [ 1.9; 1.0 ] ])
        use codes = new CodeScale(2L, device)
        for i in 1..600 do
            codes.Learn(world.Draw(1000L, (rng "codes").Stream $"{i}"))
        // The running moments forget a fiftieth per batch: they average some 99,000 rows; this test uses 2,000.
        Close.moments "codes" [| 0.0; 0.0 |] (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]) (codes.Of(world.Draw(2000L, rng "fresh"))))
    |> breaks "without updates" (fun () ->
        let world = Gaussian.Gaussian.Of([ 3.0; -1.0 ], [ [ 4.0; 1.9 ]; [ 1.9; 1.0 ] ])
        use codes = new CodeScale(2L, device)
        Close.moments "codes" [| 0.0; 0.0 |] (array2D [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]) (codes.Of(world.Draw(2000L, rng "fresh"))))

    law "codes are standardised by the factor of the present covariance: fresh, learnt, and loaded" (inSingle (fun () -> factors true))
    |> breaks "the factor of the covariance before" (inSingle (fun () -> factors false))

    law "leaps under Metropolis leave their target invariant" (fun () -> leaps (fun p -> Metropolis p :> IKernel))
    |> breaks "unadjusted" (fun () -> leaps (fun p -> Unadjusted p :> IKernel))
]
