/// Diagnostics of chains: split R̂ and autocorrelation times for chains with known values.
module Ebm.Tests.Laws.MixingLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// x_t = φ x_{t−1} + √(1 − φ²) ξ, from its stationary law: (chains, steps).
let private autoregression phi (chains: int64) steps (rng: Rng) =
    let noise = rng.Normal(int64 steps, chains)
    let path = Array.zeroCreate<Tensor> steps
    path[0] <- noise[0L]

    for t in 1 .. steps - 1 do
        path[t] <- phi * path[t - 1] + sqrt (1.0 - phi * phi) * noise[int64 t]

    torch.stack (path, 1L)

let private errors traces =
    let struct (rHat, rHatSe, time, timeSe) = Mixing.WithErrors traces
    { Close.Value = rHat; Close.Error = rHatSe }, { Close.Value = time; Close.Error = timeSe }

let private splitRHat traces = (fst (errors traces)).Value

let private time phi due =
    let traces = autoregression phi 40L 2000 (rng "autoregression")
    let _, found = errors traces
    Close.near $"autocorrelation time at φ = {phi}" due found

let private independent (offset: float) =
    let side = torch.where (torch.arange(40L, device = device).remainder(scalar 2.0).eq(scalar 0.0), number offset, number -offset)
    (rng "independent").Normal(40L, 500L) + side.unsqueeze 1L

let private apart offset due =
    let found, _ = errors (independent offset)
    Close.near $"R̂ at ±{offset}" due found

let all: Law list = [
    law "the autocorrelation time of an autoregression is (1 + φ)/(1 − φ), and 1 for independent draws" (fun () ->
        time 0.9 19.0
        time 0.5 3.0
        time 0.0 1.0)
    |> breaks "half of the sum" (fun () -> time 0.9 9.5)

    law "an antithetic chain is worth more than its steps" (fun () ->
        must "τ must be less than 1" ((snd (errors (autoregression -0.5 20L 1000 (rng "antithetic")))).Value < 0.5))

    // Eighty halves of 250 steps with means ±s: the variance of the means, with 79 in the denominator, is 80/79 s²; the draws add 1/250, which (n −
    // 1)/n removes.
    law "split R̂ of independent chains at ±s is √(1 + 80/79 s²), and 1 at s = 0" (fun () ->
        apart 0.5 (sqrt (1.0 + 0.25 * 80.0 / 79.0))
        apart 0.0 1.0)
    |> breaks "the variance within chains alone" (fun () -> apart 0.5 1.0)

    law "split R̂ sees chains that drift together, which R̂ of whole chains does not" (fun () ->
        let drift = torch.linspace (-1.0, 1.0, 500L, dtype = torch.float64, device = device)
        let found = splitRHat ((rng "drift").Normal(40L, 500L) + drift)
        // Halves have means ±1/2 and variance within 1 + 1/12.
        must $"R̂ is {found}" (abs (found - sqrt (1.0 + 0.25 / (13.0 / 12.0))) < 0.02))

    law "standard errors of R̂ and of the time are the spread of repetitions" (fun () ->
        let found = [| for i in 1L .. 100L -> errors (autoregression 0.6 12L 200 ((rng "spread").Stream i)) |]

        for name, pick in [ "R̂", fst; "the time", snd ] do
            let values = found |> Array.map (fun f -> (pick f).Value)
            let spread = sqrt (float values.Length) * (Close.mean values).Error
            let ratio = (found |> Array.averageBy (fun f -> (pick f).Error)) / spread
            // The jackknife of twelve chains is a little too wide, by about 1/(m − 1); the spread of n values has an error of 1/√2n.
            let error = ratio / sqrt (2.0 * float values.Length) + ratio / 11.0 / Close.k
            Close.near $"standard error of {name} over spread" 1.0 { Value = ratio; Error = error })

    law "chains that do not move have R̂ = ∞ if they differ, and 1 if they do not" (fun () ->
        let still (values: float list) = (row values).unsqueeze(1L).expand(-1L, 10L)
        must "chains that differ" (splitRHat (still [ 0.0; 1.0 ]) = infinity)
        must "chains alike" (splitRHat (still [ 1.0; 1.0 ]) = 1.0))

    law "traces too short to halve are rejected" (fun () ->
        throws<ArgumentException, _> [ "(chains, steps)"; "1, 100" ] (fun () -> Mixing.WithErrors(torch.zeros (1L, 100L))))
]
