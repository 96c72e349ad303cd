/// Contrastive divergence: the starts of its chains, its contrast for each, learning of a Gaussian, and the chains of image papers.
module Ebm.Tests.Laws.ContrastiveLaws

open System
open TorchSharp
open TorchSharp.Modules
open Ebm.Core
open Ebm.Methods
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// E = β|x|²/2 with one learned number: exp(−E/T) has variance T/β.
type private Bowl(beta: float) as this =
    inherit torch.nn.Module<Tensor, Tensor>("bowl")
    let beta = new Parameter(number beta)
    do this.register_parameter ("beta", beta)
    member _.Beta = beta
    override _.forward x = (beta * x.square().sum 1L / 2.0).unsqueeze 1L

let private energy (net: Bowl) = {
    new INetSpec with
        member _.Build(_, _, _) = net
}

let private built (spec: ContrastiveDivergenceSpec) =
    spec.Build(Site([| 1L |], device, rng "contrastive divergence", Folder.dataRoot)) :?> ContrastiveDivergence

let private watched name (update: Update) = update.Watched |> Seq.pick (fun struct (n, v) -> if n = name then Some v else None)

let private updates (method: ContrastiveDivergence) (spread: float) batch count =
    let data = Batches((spread * (rng "data").Normal(50_000L, 1L): torch.Tensor), batch, rng "batches")
    [| for i in 1L .. count -> method.Iterate(data, (rng "updates").Stream i) |> Seq.exactlyOne |]

let private points (method: ContrastiveDivergence) = method.state_dict().["chains.points"]

// ── starts ──────────────────────────────────────────────────────────────────────────────

/// Chains that stay where they start: how many slots of memory changed, and how many of them to rows from afar.
let private kept start =
    let method =
        built (
            ContrastiveDivergenceSpec(
                energy (new Bowl(1.0)),
                Start = start,
                Steps = 1,
                Adjusted = false,
                Step = 1e-12,
                Memory = 4000,
                FromData = 0.25,
                FromNoise = 0.125
            )
        )
    let before = (points method).clone()
    updates method 1.0 2000L 1L |> ignore
    let moved = values ((points method - before).abs().squeeze 1L)
    moved |> Array.filter (fun d -> d > 0.0) |> Array.length, moved |> Array.filter (fun d -> d > 1e-3) |> Array.length

let private startsAs start stored anew =
    let slots, afar = kept start
    must $"{start}: {slots} chains were stored in memory instead of {stored}" (slots = stored)
    // A new row is within a thousandth of the old one about once in two thousand.
    let share = Close.share [| for i in 1..2000 -> i <= afar |]
    Close.near $"{start}: share of restarts" anew share

/// K unadjusted steps of size ε: each multiplies the variance by (1 − εβ)² and adds 2ε.
let private settling steps step beta (variance: float) =
    Seq.fold (fun v _ -> (1.0 - step * beta) ** 2.0 * v + 2.0 * step) variance [ 1..steps ]

/// The contrast under a wrong β: (β/2)(s² − v_K), with v_K the variance after K steps from the start.
let private contrast start (begun: float) =
    let s, beta, step, steps, width = 0.8, 2.0, 0.1, 3, 1.5
    let net = new Bowl(beta)
    let spec =
        ContrastiveDivergenceSpec(
            energy net,
            Start = start,
            Steps = steps,
            Adjusted = false,
            Step = step,
            Width = width,
            Memory = 2000,
            Magnitude = 0.0,
            Confinement = 1e8
        )
    let gaps = updates (built spec) s 1000L 200L |> Array.map (watched "gap" >> value)
    Close.near $"{start}: gap" (beta / 2.0 * (s * s - settling steps step beta begun)) (Close.mean gaps)

// ── learning ────────────────────────────────────────────────────────────────────────────

/// Variance of exp(−Density), the mean over the last half of a gradient descent on the contrast from β = 3.
let private learns sign start steps temperature =
    let net = new Bowl(3.0)
    let method =
        built (
            ContrastiveDivergenceSpec(
                energy net,
                Start = start,
                Steps = steps,
                Step = 0.3,
                Adapt = false,
                Temperature = temperature,
                FromNoise = 0.0,
                Memory = 2000,
                Magnitude = 0.0,
                Confinement = 1e8
            )
        )
    let data = Batches((0.8 * (rng "data").Normal(50_000L, 1L): torch.Tensor), 1000L, rng "batches")
    let path = ResizeArray()

    for i in 1L .. 300L do
        use _ = torch.NewDisposeScope()

        for update in method.Iterate(data, (rng "updates").Stream i) do
            let g = (gradients update.Loss [ net.Beta ]).[0]
            use _ = torch.no_grad ()
            net.Beta.sub_ (sign * 0.2 * g) |> ignore

        path.Add(value net.Beta)

    use _ = torch.no_grad ()
    net.Beta.fill_ (scalar (path |> Seq.skip 150 |> Seq.average)) |> ignore
    // Density is x²/2v.
    1.0 / (2.0 * value (method.Density.Of(rows [ [ 1.0 ] ])))

/// The batches' error of a variance is less than 1 %; 5 % leaves room for that of the descent.
let private learnsTheVariance sign start steps temperature =
    let found = learns sign start steps temperature
    must $"{start}, T = {temperature}: variance {found:G4} instead of .64 within 5 %%" (abs (found / 0.64 - 1.0) < 0.05)

// ── chains of image papers ──────────────────────────────────────────────────────────────

/// Rows of a chain of one step from new rows.
let private stepped (spec: ContrastiveDivergenceSpec) =
    let method = built spec
    let before = (points method).clone()
    updates method 1.0 1000L 1L |> ignore
    before, points method

let private cold cut range =
    stepped (
        ContrastiveDivergenceSpec(
            energy (new Bowl(5.0)),
            Steps = 1,
            Start = Start.Persistent,
            FromNoise = 0.0,
            Memory = 1000,
            Fresh = Fresh.Uniform,
            Width = 2.0,
            Adjusted = false,
            Step = 0.5,
            Temperature = 1e-16,
            Cut = cut,
            Range = range
        )
    )

/// A cold step from x gives x − ε clamp(5x), then clamped to the range.
let private descends (slope: Tensor -> Tensor) (kept: Tensor -> Tensor) cut range =
    let before, after = cold cut range
    let due = kept (before - 0.5 * slope (5.0 * before))
    must "a row differs" (value ((after - due).abs().max()) < 1e-6)

/// The gradient in β due to the chains' dependence on β, at T → 0 where a step is x⁻ = (1 − εβ)x and its derivative −εx: for the energy −εβ(1 − εβ)
/// mean x², for the repulsion from one chain at 0, ρε/(1 − εβ).
let private followed kl repel (due: float -> float -> float -> float) =
    let beta, step = 2.0, 0.1
    let data = Batches((rng "followed").Normal(1000L, 1L), 1000L, rng "batches")
    let squares = value (data.Next().square().mean())

    let gradient kl repel =
        let net = new Bowl(beta)
        let method =
            built (
                ContrastiveDivergenceSpec(
                    energy net,
                    Start = Start.Data,
                    Steps = 1,
                    Adjusted = false,
                    Step = step,
                    Temperature = 1e-20,
                    Memory = 1,
                    Width = 1e-12,
                    Magnitude = 0.0,
                    Kl = kl,
                    Repel = repel
                )
            )
        let update = method.Iterate(Batches((rng "followed").Normal(1000L, 1L), 1000L, rng "batches"), rng "update") |> Seq.exactlyOne
        value (gradients update.Loss [ net.Beta ]).[0]

    let found, due = gradient kl repel - gradient 0.0 0.0, due beta step squares
    must $"kl {kl}, repel {repel}: the gradient changed by {found:G9} instead of {due:G9}" (abs (found - due) < 1e-6 * abs due)

let private preset name =
    let path = Folder.under $"experiments/configs/method/contrastive-divergence-{name}.yaml"
    let method = Document.Read path
    fun (key: string) -> method.Float key

let all = [
    law
        "chains start at data, at noise, where the last ones ended, or a share at each; memory stores only chains that came from it"
        (fun () ->
            startsAs Start.Data 0 0.0
            startsAs Start.Noise 2000 1.0
            startsAs Start.Persistent 2000 0.125
            startsAs Start.Hybrid 1500 0.125)
    |> breaks "every chain is stored" (fun () -> startsAs Start.Hybrid 2000 0.125)

    law "under a wrong energy the contrast is (β/2)(s² − v_K), v_K the variance after K steps" (fun () ->
        contrast Start.Data (0.8 * 0.8)
        contrast Start.Noise (1.5 * 1.5))
    |> breaks "data taken for noise" (fun () -> contrast Start.Data (1.5 * 1.5))

    law "from data and from where the last chains ended, CD learns a Gaussian's variance, and at temperature T that of exp(−E/T)" (fun () ->
        learnsTheVariance 1.0 Start.Persistent 4 1.0
        learnsTheVariance 1.0 Start.Persistent 4 2.0
        learnsTheVariance 1.0 Start.Data 4 1.0)
    |> breaks "the contrast's sign flipped" (fun () -> learnsTheVariance -1.0 Start.Persistent 4 1.0)
    |> breaks "short chains from noise" (fun () -> learnsTheVariance 1.0 Start.Noise 1 1.0)

    law "a cut slope moves a cold chain by no more than ε · cut, and a range clamps it" (fun () ->
        descends id id (Nullable()) (Nullable())
        descends (fun s -> s.clamp (scalar -1.0, scalar 1.0)) id (Nullable 1.0) (Nullable())
        descends id (fun x -> x.clamp (scalar -1.0, scalar 1.0)) (Nullable()) (Nullable 1.0))
    |> breaks "the slope not cut" (fun () -> descends id id (Nullable 1.0) (Nullable()))
    |> breaks "the range not kept" (fun () -> descends id id (Nullable()) (Nullable 1.0))

    law
        "the terms of improved CD have the gradient of the energy, and of the distance to the nearest chain, through the last step"
        (fun () ->
            followed 1.0 0.0 (fun beta step squares -> -step * beta * (1.0 - step * beta) * squares)
            followed 2.0 0.3 (fun beta step squares ->
                -2.0 * step * beta * (1.0 - step * beta) * squares + 2.0 * 0.3 * step / (1.0 - step * beta)))
    |> breaks "the repulsion attracts" (fun () ->
        followed 1.0 0.3 (fun beta step squares -> -step * beta * (1.0 - step * beta) * squares - 0.3 * step / (1.0 - step * beta)))

    law "presets have the drift and the temperature b²/2a of their papers' code, converted from [0, 1] to [-1, 1] if needed" (fun () ->
        for name, drift, noise, scale in [ "igebm", 10.0, 0.005, 2.0; "jem", 1.0, 0.01, 1.0; "improved-cd", 100.0, 0.001, 2.0 ] do
            let at = preset name
            let step, temperature = at "step", at "temperature"
            must $"{name}: step {step}" (abs (step / (scale * scale * drift) - 1.0) < 1e-9)
            must $"{name}: temperature {temperature}" (abs (temperature / (noise * noise / (2.0 * drift)) - 1.0) < 1e-9))
]
