/// Objectives: the truth is a stationary point, and their values there.
module Ebm.Tests.Laws.ObjectiveLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private count = 100_000L

let private leaf (x: Tensor) = x.detach().requires_grad_ true

/// The gradient in θ of an objective that averages independent terms, with its standard error from equal parts of the rows.
let private gradient (theta: Tensor) (objective: int64 -> Tensor) =
    let parts = [| for i in 0L .. 99L -> values (gradients (objective i) [ theta ]).[0] |]

    [ for j in 0 .. int theta.shape[0] - 1 -> parts |> Array.map (Array.item j) |> Close.mean ]

let private part (x: Tensor) (i: int64) = x.narrow (0L, i * count / 100L, count / 100L)

/// E(x) = θ₀x + θ₁x² + θ₂x⁴; the model of `negatives` is exp(−x²/2σ²).
let private contrast sd =
    let rng = rng "contrast"
    let data, model = rng.Normal(count, 1L), sd * (rng.Stream "model").Normal(count, 1L)
    let theta = leaf (row [ 0.0; 0.5; 0.0 ])
    let energy (x: Tensor) = torch.cat([| x; x.square (); x.square().square() |], 1L).matmul theta

    for g in gradient theta (fun i -> Objectives.Contrast(energy (part data i), energy (part model i))) do
        Close.near "gradient of the contrast" 0.0 g

/// Data N(0, 1), base N(0, 4): KL(data ‖ base) = log 2 + 1/8 − 1/2.
let private divergence = log 2.0 + 1.0 / 8.0 - 1.0 / 2.0

/// E(x) = θ₀ + θ₁x² and c; at the optimum −log of data over base: θ₀ + c = −log 2, θ₁ = 3/8.
let private kale (theta: Tensor) : int64 -> Tensor =
    let rng = rng "kale"
    let data, b = rng.Normal count, 2.0 * (rng.Stream "base").Normal count
    fun i ->
        let energy (x: Tensor) : Tensor = theta[0] + theta[1] * x.square ()
        Objectives.NegativeKale(energy (part data i), energy (part b i), theta[2])

/// Value and gradient in c of (E⁺ + c) + f(−E⁻ − c) − 1, with f the exponential up to 30 and its tangent above.
let private comesBack (negativeKale: Tensor * Tensor * Tensor -> Tensor) =
    let data, b = row [ 0.0; 0.0 ], row [ 0.0; 0.0 ]

    for u in [ -2.0; 0.0; 10.0; 29.9; 30.1; 40.0; 1000.0 ] do
        let c = leaf (row [ -u ])
        let bound = negativeKale (data, b, c)
        let last = exp (min u 30.0)
        Close.same $"value at {u}" 64 (number (-u + last * (1.0 + max 0.0 (u - 30.0)) - 1.0)) (bound.reshape 1L)
        Close.same $"gradient at {u}" 64 (number (1.0 - last)) (gradients (bound.sum ()) [ c ]).[0]

let private optimum () = row [ 0.7; 0.375; -log 2.0 - 0.7 ]

let private stationary theta =
    for g in gradient theta (kale theta) do
        Close.near "gradient of the negative KALE" 0.0 g

/// Denoising score matching of E(x) = ax²/2 on data N(0, 1) with noise σ: mean |score(x + σξ) + ξ/σ|², least at a = 1/(1 + σ²).
let private denoising (sd: float) (a: float) =
    let rng = rng $"denoising {sd}"
    let clean, noise = rng.Normal(count, 1L), (rng.Stream "noise").Normal(count, 1L)
    let theta = leaf (row [ a ])
    let energy = Energy(fun x -> theta * x.square().sum 1L / 2.0)

    for g in
        gradient theta (fun i ->
            let x, xi = part clean i, part noise i
            let residual: Tensor = energy.Score(x + sd * xi) + xi / sd
            residual.square().mean()) do
        Close.near $"gradient of the score's loss in a, σ = {sd}" 0.0 g

let all = [
    law "a contrast has zero gradient at the truth" (fun () -> contrast 1.0)
    |> breaks "a model a twentieth too wide" (fun () -> contrast 1.05)

    law "KALE at its optimum is the KL divergence, log 2 + 1/8 − 1/2, whatever constant the energy has" (fun () ->
        let theta = optimum ()
        let kale = kale theta
        let value = [| for i in 0L .. 99L -> -value(kale i) |] |> Close.mean
        Close.near "KALE" divergence value)
    |> breaks "away from its optimum" (fun () ->
        let kale = kale (row [ 0.7; 0.2; -log 2.0 - 0.7 ])
        Close.near "KALE" divergence (Close.mean [| for i in 0L .. 99L -> -value(kale i) |]))

    law "far from its optimum the negative KALE is a tangent, so that its constant recovers" (fun () -> comesBack Objectives.NegativeKale)
    |> breaks "a clamped exponent" (fun () ->
        comesBack (fun (data, b, c) -> (data + c).mean() + (Objectives.LogMeanExp(-b) - c).clamp(max = scalar 30.0).exp().mean() - 1.0))

    law "KALE's optimum is stationary in energy and constant" (fun () -> stationary (leaf (optimum ())))
    |> breaks "another curvature" (fun () -> stationary (leaf (optimum () * torch.tensor 1.05)))

    law "denoising scores are least-squares optimal at the scale of the noisy data, a = 1/(1 + σ²)" (fun () ->
        for sd in [ 0.3; 1.0; 2.0 ] do
            denoising sd (1.0 / (1.0 + sd * sd)))
    |> breaks "the clean data's scale" (fun () -> denoising 0.3 1.0)

    law "magnitude changes under a common drift, which a contrast does not see" (fun () ->
        let positive, negative = (rng "drift").Normal 1000L, (rng "other").Normal 1000L
        let shifted (x: Tensor) = x + 5.0
        Close.same
            "contrast"
            16
            (Objectives.Contrast(positive, negative) + 5.0)
            (Objectives.Contrast(shifted positive, shifted negative) + 5.0)
        let grown = Objectives.Magnitude(shifted positive, shifted negative) - Objectives.Magnitude(positive, negative)
        Close.same "magnitude" 64 (10.0 * (positive.mean () + negative.mean ()) + 50.0) grown)
]
