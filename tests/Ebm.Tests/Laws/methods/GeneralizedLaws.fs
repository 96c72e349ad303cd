/// Generalized energy-based models: closed forms of the bounds, their constant and gradients; training of the base; the density.
module Ebm.Tests.Laws.GeneralizedLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Methods
open Ebm.Nets
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private asBase (spec: IGeneratorSpec<FlowNet>) =
    match box spec with
    | :? IGeneratorSpec<GeneratorNet> as spec -> spec
    | _ -> broken "the spec of a flow is not one of a generator"

/// A given net.
type private Given(build: Rng -> torch.nn.Module<Tensor, Tensor>) =
    interface INetSpec with
        member _.Build(rng, _, _) = build rng

/// k|x|²/2, with k its only weight.
type private Quadratic(k: float) as net =
    inherit torch.nn.Module<Tensor, Tensor>("quadratic")
    let own = new Modules.Parameter(number k)
    do net.register_parameter ("k", own)

    override _.forward x = (own :> Tensor) * x.square().sum(1L, true) / 2.0

/// A net that is zero at the centre of one of the data's Gaussians, so it has no free constant.
type private Anchored(inner: torch.nn.Module<Tensor, Tensor>) as net =
    inherit torch.nn.Module<Tensor, Tensor>("anchored")
    do net.register_module ("inner", inner)
    override _.forward x = inner.call x - inner.call (rows [ [ 1.2; 0.0 ] ])

let private quadratic k = Given(fun _ -> new Quadratic(k)) :> INetSpec
let private small = MlpSpec(Width = 32, Depth = 2) :> INetSpec
let private anchored = Given(fun rng -> new Anchored(small.Build(rng, [| 2L |], [| 1L |]))) :> INetSpec

let private site name = Site([| 2L |], device, rng name, "")
let private core (spec: GeneralizedEbmSpec) name = new GeneralizedEbm(spec, site name)

/// The energy learns from the start; the base stays exact.
let private onScaled scale energy = GeneralizedEbmSpec(ScaledSpec scale, energy, BaseShare = 0.0)

let private batches (data: Tensor) size = Batches(data, size, rng "batches")

/// Trains as the trainer does, without averages, with a rate that decreases to zero; `keep` selects the weights to train.
let private trainOnly (keep: string -> bool) (method: Method) (data: Tensor) batch (lr: float) steps =
    let batches = batches data batch
    let learners (part: torch.nn.Module) = [|
        for struct (name, p) in part.named_parameters () do
            if keep name then p
    |]
    let parts = Map [ for part in method.Parts -> part.Key, (learners part.Value, torch.optim.Adam(learners part.Value, lr)) ]

    for i in 1L .. steps do
        use _ = torch.NewDisposeScope()
        batches.Progress <- float (i - 1L) / float steps

        for update in method.Iterate(batches, (rng "steps").Stream i) do
            let weights, optimizer = parts[update.Part]
            for w, g in Seq.zip weights (gradients update.Loss weights) do
                w.grad <- g

            for group in optimizer.ParamGroups do
                group.LearningRate <- lr * (1.0 - float (i - 1L) / float steps)

            optimizer.step () |> ignore
            for w in weights do
                w.grad <- null

let private train method = trainOnly (fun _ -> true) method

let private watched name (update: Update) = update.Watched |> Seq.pick (fun struct (n, v) -> if n = name then Some v else None)

/// Data in closed form: two round Gaussians of variance v at ±a, with a base N(0, s²I).
let private at, private spread, private baseScale = 1.2, 0.5, 1.3

let private mixture (x: Tensor) =
    let well (side: float) = (Gaussian.Of([ side * at; 0.0 ], [ [ spread * spread; 0.0 ]; [ 0.0; spread * spread ] ])).LogDensity x
    torch.logaddexp (well 1.0, well -1.0) - log 2.0

let private drawn count (rng: Rng) =
    let side: Tensor = ((rng.Stream "side").Uniform(count, 1L)).lt(scalar 0.5).``to``(torch.get_default_dtype ())
    let centre = at * (2.0 * side - 1.0)
    torch.cat ([| centre; torch.zeros_like centre |], 1L) + spread * rng.Normal(count, 2L)

/// KL(mixture ‖ base) by quadrature, in nats.
let private divergence () =
    let width, cells = 7.0, 400L
    let axis = (torch.arange (float cells, dtype = torch.float64, device = device) + 0.5) * (2.0 * width / float cells) - width
    let x = torch.cartesian_prod [| axis; axis |]
    let p, g = mixture x, (Gaussian.Round(2, baseScale * baseScale)).LogDensity x
    value ((p.exp () * (p - g)).sum()) * (2.0 * width / float cells) ** 2.0

/// −mean E − log mean exp(−E) on given data and new rows of the base, with its error by the delta method.
let private kaleOn (data: Tensor) (model: GeneralizedEbm) : Close.Estimate =
    use _ = torch.no_grad ()
    let positive = values (model.Energy.Of data)
    let weights = values ((-model.Energy.Of(baseScale * (rng "fresh base").NormalLike(torch.empty (40_000L, 2L, device = device)))).exp())
    let a, w = Close.mean positive, Close.mean weights
    { Value = -a.Value - log w.Value; Error = sqrt (a.Error ** 2.0 + (w.Error / w.Value) ** 2.0) }

let private fresh () = drawn 40_000L (rng "fresh data")

let private taught bound (data: Tensor) steps =
    let rich = MlpSpec(Width = 64, Depth = 2, InputScale = 3.0)
    let model = core (GeneralizedEbmSpec(ScaledSpec baseScale, rich, BaseShare = 0.0, Bound = bound)) "taught"
    train model data (min 256L data.shape[0]) 3e-3 steps
    model

let private neverAbove data evaluated steps =
    let due = divergence ()

    inSingle
        (fun () ->
            for bound in [ Bound.DonskerVaradhan; Bound.Fenchel ] do
                let kale = kaleOn (evaluated ()) (taught bound (data ()) steps)
                must
                    $"{bound}: KALE is {kale.Value:G4} ± {kale.Error:G2}, but the divergence is {due:G4}"
                    (kale.Value <= due + 3.0 * kale.Error))
        ()

let private tight steps =
    let due = divergence ()

    inSingle
        (fun () ->
            let kale = kaleOn (fresh ()) (taught Bound.DonskerVaradhan (drawn 20_000L (rng "data")) steps)
            must
                $"KALE is {kale.Value:G4} ± {kale.Error:G2}, not within a tenth of the divergence {due:G4}"
                (kale.Value >= 0.9 * due - 3.0 * kale.Error))
        ()

let private few () = drawn 50L (rng "few")

/// The same fifty rows, repeated so that they look like many.
let private fewAgain () = (few ()).repeat(800L, 1L)

/// |c − log mean exp(−E)| on 100,000 new rows of the base.
let private constantIsLearned transformed keep =
    inSingle
        (fun () ->
            let spec =
                GeneralizedEbmSpec(
                    ScaledSpec baseScale,
                    anchored,
                    BaseShare = 0.0,
                    Bound = Bound.Fenchel,
                    PaperGradientTransform = transformed
                )
            let model = core spec "constant"
            // Long enough for c to follow the energy: after 600 steps it lags by .02 to .06.
            trainOnly keep model (drawn 20_000L (rng "data")) 256L 1e-2 2000L
            use _ = torch.no_grad ()
            let due = value (Objectives.LogMeanExp(-model.Energy.Of(baseScale * (rng "fresh").Normal(100_000L, 2L))))
            let c =
                model.named_parameters ()
                |> Seq.pick (fun struct (name, p) ->
                    if name.EndsWith("c", StringComparison.Ordinal) && not (name.Contains "layer") then Some(value p) else None)
            must $"c is {c:G4}, log mean exp(−E) is {due:G4}" (abs (c - due) < 0.05))
        ()

/// One update of a new model, and its gradient in the weights of a part.
let private updates (model: Method) (data: Tensor) =
    let batches = batches data data.shape[0]
    batches.Progress <- 0.5
    model.Iterate(batches, rng "update") |> List.ofSeq

let private gradientIn (model: Method) (update: Update) =
    gradients update.Loss (model.Parts[update.Part].parameters() |> Seq.cast<Tensor> |> Array.ofSeq)

let private kale penalty steps =
    GeneralizedEbmSpec(ScaledSpec 1.5, quadratic 0.4, BaseLearning = BaseLearning.Kale, EnergySteps = steps, Penalty = penalty)

/// The base minimises −log mean exp(−E(sz)): d/d(log s) = mean over weights w ∝ exp(−E) of ∇E · x = k|x|².
let private baseGradient (weigh: Tensor -> Tensor) =
    let model = core (kale 0.0 2) "base gradient"
    let data = (rng "data").Normal(64L, 2L)
    let steps = updates model data
    must "two steps of the energy, then one of the base" (steps |> List.map _.Part = [ "energy"; "energy"; "base" ])
    // The same stream, with the same draws in the same order.
    let stream = rng "update"
    let x = [ for _ in 1..3 -> 1.5 * stream.Normal(64L, 2L) ] |> List.last
    let k = 0.4
    let w = weigh (-k * x.square().sum 1L / 2.0)
    let due = (w * k * x.square().sum 1L).sum()
    Close.same "gradient in log s" 256 (due.reshape 1L) (gradientIn model steps[2]).[0]

/// Double backward: λ mean |∇E|² of E = k|x|²/2 at points between the rows is λ k² mean |x̂|², with gradient 2 λ k mean |x̂|².
let private penalised (gradient: float -> float -> Tensor -> Tensor) =
    let energy = new Quadratic 0.4
    let rows = (rng "rows").Normal(64L, 2L), (rng "others").Normal(64L, 2L)
    let steepness = Objectives.Steepness(Energy(fun x -> (energy.call x).squeeze 1L), fst rows, snd rows, rng "between")
    let share = ((rng "between").Uniform 64L).unsqueeze 1L
    let between = share * fst rows + (1.0 - share) * snd rows
    let found = gradients steepness (energy.parameters () |> Seq.cast<Tensor> |> Array.ofSeq)
    Close.same "gradient of the penalty in k" 256 (gradient 0.4 1.0 between) found[0]

let private transforms (weight: Tensor -> Tensor) (constant: Tensor -> Tensor) =
    let spec flag = GeneralizedEbmSpec(ScaledSpec 1.5, small, BaseShare = 0.0, Bound = Bound.Fenchel, PaperGradientTransform = flag)
    let data = 3.0 * (rng "data").Normal(64L, 2L)
    let plain, changed = core (spec false) "transform", core (spec true) "transform"
    let before, after = updates plain data |> List.exactlyOne, updates changed data |> List.exactlyOne
    Close.same "the value must be the bound" 64 (before.Loss.detach().reshape 1L) (after.Loss.detach().reshape 1L)
    let names = [ for struct (name, _) in plain.Parts["energy"].named_parameters() -> name ]

    for name, g, t in Seq.zip3 names (gradientIn plain before) (gradientIn changed after) do
        Close.same name 64 ((if name = "c" then constant else weight) g) t

/// A model on a flow, with weights changed from their initial values.
let private onFlow () =
    let spec = GeneralizedEbmSpec(asBase (RealNvpSpec(Couplings = 2, Width = 8)), small)
    let model = spec.Build(site "on flow")
    use _ = torch.no_grad ()

    for i, p in Seq.indexed (model.parameters ()) do
        p.add_ (0.3 * ((rng "bent").Stream(int64 i)).NormalLike p) |> ignore

    model

let private weighs (sign: float) =
    use _ = torch.no_grad ()
    let model =
        match box (onFlow ()) with
        | :? IWeighted as model -> model
        | _ -> broken "the model has no density"

    let width, cells = 16.0, 500L
    let axis = (torch.arange (float cells, dtype = torch.float64, device = device) + 0.5) * (2.0 * width / float cells) - width
    let due = value ((-model.Density.Of(torch.cartesian_prod [| axis; axis |])).exp().sum()) * (2.0 * width / float cells) ** 2.0
    let struct (_, logWeights) = model.Weigh(100_000L, rng "weighed")
    Close.near "mean weight against the integral of exp(−Density)" due (Close.mean (values ((sign * logWeights).exp())))

/// E = k|x|²/2 on N(0, s²I): rows have variance s²/(1 + β k s²).
let private sampled beta due =
    let spec = GeneralizedEbmSpec(ScaledSpec 1.5, quadratic 0.4, InverseTemperature = beta, Sampler = HmcSpec(0.3, 4, 20))
    let x = (core spec "sampled").Sample(20_000L, rng "rows")
    Close.near $"variance at β = {beta}" due (Close.variance (Close.column x 0))

let private flowLearns (spec: GeneralizedEbmSpec) =
    let model = core spec "flow learns"
    let data = Batches((3.0 * (rng "data").Normal(512L, 2L): torch.Tensor), 128L, rng "batches")
    let at progress =
        data.Progress <- progress
        [ for u in model.Iterate(data, rng "step") -> u.Part ]
    must "early in training the flow learns" (at 0.0 = [ "base" ])
    must "later the energy learns" (at 0.75 = [ "energy" ])

let private refuses (build: unit -> unit) =
    try
        build ()
        broken "it was not rejected"
    with :? SettingException as e when e.Message.Contains "base-learning: kale" ->
        ()

let private costs (spec: GeneralizedEbmSpec) due =
    let before = Cost.Units
    updates (core spec "costs") ((rng "data").Normal(10L, 2L)) |> ignore
    must $"a step cost {Cost.Units - before} units instead of {due}" (Cost.Units - before = due)

let all = [
    law "the learned KALE is never above the KL divergence by more than three standard errors (D3)" (fun () ->
        neverAbove (fun () -> drawn 20_000L (rng "data")) fresh 300L)
    |> breaks "measured on the fifty training rows" (fun () -> neverAbove few fewAgain 1000L)

    law "KALE of a rich class is within a tenth of the KL divergence (D3)" (fun () -> tight 600L)
    |> breaks "hardly trained" (fun () -> tight 10L)

    law "the Fenchel bound is below Donsker and Varadhan's, and equal to it at c = log mean exp(−E)" (fun () ->
        let data, b = (rng "data").Normal 500L, 2.0 * (rng "base").Normal 500L
        let best = Objectives.LogMeanExp -b
        let bound = Objectives.DonskerVaradhan(data, b)
        Close.same "at its best c" 256 bound (-Objectives.NegativeKale(data, b, best))

        for off in [ -2.0; -0.1; 0.1; 2.0 ] do
            let under = -Objectives.NegativeKale(data, b, best + off)
            // 1 − δ − exp(−δ) is the loss due to c = A + δ.
            Close.same $"off by {off}" 256 (bound + (1.0 - off - exp -off)) under)

    law "the Fenchel form stays finite if exp(−E − c) overflows" (fun () ->
        let far = -1000.0 * torch.ones (10L, device = device)
        let found = value (Objectives.NegativeKale(far, far, number(0.0).squeeze()))
        must $"it is {found}" (Double.IsFinite found))

    for transformed in [ false; true ] do
        let how = if transformed then "with" else "without"

        law $"the learned c is log mean exp(−E), {how} the gradients of the paper's code (D4)" (fun () ->
            constantIsLearned transformed (fun _ -> true))
        |> breaks "c frozen at 0" (fun () -> constantIsLearned transformed (fun name -> name <> "c"))

    law "the base lowers the energy of its rows, weighted by softmax(−E)" (fun () -> baseGradient (fun x -> x.softmax 0L))
    |> breaks "equal weights" (fun () -> baseGradient (fun x -> torch.full_like (x, scalar (1.0 / 64.0))))

    law "the gradient penalty is centred at zero, and is differentiated twice" (fun () ->
        penalised (fun k _ x -> (2.0 * k * x.square().sum(1L).mean()).reshape 1L))
    |> breaks "centred at one" (fun () ->
        penalised (fun k one x -> let r = x.square().sum(1L).sqrt() in (2.0 * (k * r - one) * r).mean().reshape 1L))

    law "the paper's gradients: 2g/(1 + g²) for the weights, g/(1 − g) for c" (fun () ->
        transforms (fun g -> 2.0 * g / (1.0 + g.square ())) (fun g -> g / (1.0 - g)))
    |> breaks "unchanged" (fun () -> transforms id id)

    law "the energy has a floor, without a gradient below it" (fun () ->
        let model = core (GeneralizedEbmSpec(ScaledSpec 1.0, quadratic -1.0, EnergyFloor = -10.0)) "floor"
        let x = rows [ [ 1.0; 1.0 ]; [ 10.0; 10.0 ] ]
        Close.same "energies" 16 (row [ -1.0; -10.0 ]) (model.Energy.Of(x).detach())
        let struct (_, slope) = model.Energy.WithSlope x
        Close.same "slopes" 16 (rows [ [ -1.0; -1.0 ]; [ 0.0; 0.0 ] ]) slope)

    law "a model on a flow weights the flow's rows by exp(−E): the mean weight is the integral of its density" (fun () -> weighs 1.0)
    |> breaks "the energy's sign flipped" (fun () -> weighs -1.0)

    law "a model has a density if and only if its base has one" (fun () ->
        must
            "on a flow it has no density"
            (match box (onFlow ()) with
             | :? IWeighted -> true
             | _ -> false)
        let spec = GeneralizedEbmSpec(MlpGeneratorSpec(), small, BaseLearning = BaseLearning.Kale)
        must
            "on layers it has a density"
            (match box (spec.Build(site "layers")) with
             | :? IDensity -> false
             | _ -> true))

    law "at inverse temperature β, on N(0, s²), the energy k|x|²/2 leaves variance s²/(1 + βks²)" (fun () ->
        for beta in [ 1.0; 3.0 ] do
            sampled beta (2.25 / (1.0 + beta * 0.4 * 2.25)))
    |> breaks "β used as a temperature" (fun () -> sampled 3.0 (2.25 / (1.0 + 0.4 * 2.25 / 3.0)))

    law "a flow learns in its share of training, the energy in the rest, and the base is the flow's average" (fun () ->
        flowLearns (GeneralizedEbmSpec(ScaledSpec 1.5, quadratic 0.4))
        let model = core (GeneralizedEbmSpec(ScaledSpec 1.5, quadratic 0.4, BaseShare = 0.9)) "average"
        train model (3.0 * (rng "data").Normal(4096L, 2L)) 256L 1e-2 300L
        let s = exp (value (Seq.head (model.Base.parameters ())))
        must $"the base's scale is {s:G4} instead of 3" (abs (s - 3.0) < 0.1))

    law "learning by likelihood needs a base with a density, and the error says what to set" (fun () ->
        refuses (fun () -> GeneralizedEbmSpec(MlpGeneratorSpec(), small) |> ignore))
    |> breaks "a flow" (fun () -> refuses (fun () -> GeneralizedEbmSpec(ScaledSpec 1.0, small) |> ignore))

    law "an update of the energy costs its positives and negatives, twice the rows under the penalty; one of the base its rows" (fun () ->
        costs (onScaled 1.5 small) 20L
        costs (GeneralizedEbmSpec(MlpGeneratorSpec(), small, BaseLearning = BaseLearning.Kale, EnergySteps = 2)) 60L
        costs (GeneralizedEbmSpec(MlpGeneratorSpec(), small, BaseLearning = BaseLearning.Kale, EnergySteps = 2, Penalty = 1.0)) 100L)

    law "critic and generator: the optimal critic is −log p_data/p_generator, and at equal distributions neither changes" (fun () ->
        for contest in [ Contest.NonSaturating; Contest.Wasserstein ] do
            let method = (GanSpec(ScaledSpec 1.0, quadratic 0.0, contest, CriticSteps = 1, Penalty = 0.0)).Build(site "gan")

            let parts = [|
                for i in 1L .. 200L ->
                    [
                        for u in method.Iterate(batches ((rng "gan data").Stream(i).Normal(256L, 2L)) 256L, (rng "gan").Stream i) ->
                            u.Part, value (gradientIn method u).[0]
                    ]
            |]

            must "critic, then generator" (parts[0] |> List.map fst = [ "critic"; "generator" ])
            // E = 0 everywhere: at the truth, neither k nor the scale has a gradient.
            Close.near $"{contest}: the critic's gradient" 0.0 (parts |> Array.map (List.head >> snd) |> Close.mean)
            must "the generator's gradient" (parts |> Array.forall (fun p -> snd p[1] = 0.0)))
]
