/// Systematic draws and resampling: counts as even as whole numbers allow, and the right distribution.
module Ebm.Tests.Laws.SystematicLaws

open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

let private probabilities = [ 0.5; 0.013; 0.2; 0.0; 0.287 ]

/// How often each outcome came, in each of 400 rounds of 37 draws.
let private counts (draw: Tensor -> int64 -> Rng -> Tensor) =
    let p = row probabilities

    [|
        for i in 1L .. 400L do
            let drawn = draw p 37L ((rng "draws").Stream i)
            must "37 draws" (drawn.shape[0] = 37L)
            let drawn = values (drawn.``to`` torch.float64)
            [| for k in 0 .. probabilities.Length - 1 -> drawn |> Array.filter (fun d -> int d = k) |> Array.length |]
    |]

let private areEven draw =
    for round in counts draw do
        for k, p in List.indexed probabilities do
            let due = 37.0 * p
            must $"outcome {k} came {round[k]} times in 37 draws of probability {p}" (abs (float round[k] - due) < 1.0)

let private areRight draw =
    let rounds = counts draw

    for k, p in List.indexed probabilities do
        if p > 0.0 then Close.near $"outcome {k}" (37.0 * p) (rounds |> Array.map (fun round -> float round[k]) |> Close.mean)

let private independent (p: Tensor) (count: int64) (rng: Rng) = rng.Categorical(p.log().expand(count, -1L))

/// Rows of N(0, 1) that become rows of N(½, 1): the mean over 300 sets of 2000.
let private resampled (weight: Tensor -> Tensor) =
    let means = [|
        for i in 1L .. 300L do
            use _ = torch.NewDisposeScope()
            let rng = (rng "resample").Stream i
            let rows = (rng.Stream "rows").Normal(2000L, 1L)
            value ((Systematic.Resample(rows, weight (rows.squeeze 1L), rng.Stream "draw")).mean())
    |]
    // The mean of n weighted rows is off by about −cov(w, w(x − ½))/n: −.64/2000 here.
    let estimate = Close.mean means
    Close.near "the mean" 0.5 { estimate with Error = estimate.Error + 0.64 / 2000.0 / Close.k }

let all = [
    law "in n systematic draws, an outcome of probability p comes ⌊n p⌋ or ⌈n p⌉ times" (fun () ->
        areEven (fun p count rng -> Systematic.Draw(p, count, rng)))
    |> breaks "independent draws" (fun () -> areEven independent)

    law "in n systematic draws, an outcome of probability p comes n p times on average" (fun () ->
        areRight (fun p count rng -> Systematic.Draw(p, count, rng)))
    |> breaks "marks without a random offset" (fun () ->
        areRight (fun p count _ ->
            let marks = (torch.arange (float count, dtype = torch.float64, device = device) + 0.5) / float count
            torch.searchsorted (p.cumsum 0L, marks, right = true)))

    law "resampling by the ratio of two densities gives rows of the second" (fun () -> resampled (fun x -> 0.5 * x - 0.125))
    |> breaks "the square root of the weights" (fun () -> resampled (fun x -> 0.25 * x))
]
