/// Normalisers: importance sampling, its reverse and Bennett's acceptance ratio between Gaussians, where log Z is known.
module Ebm.Tests.Laws.NormaliserLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Gaussian
open Ebm.Tests.Law
open Ebm.Tests.World

let private estimate (found: LogRatio) = { Close.Value = found.Value; Close.Error = found.Se }

let private within what due tolerance found =
    must $"{what} is {found} where {due} is due; {tolerance:E1} is allowed" (abs (found - due) <= tolerance)

/// Two densities that overlap but are not alike, with other normalisers and a constant. Weights of either have four moments,
/// 3 Σ < 4 Σ′, so that their variance has a variance.
let private wide () = Gaussian.Of([ 0.0; 0.2 ], [ [ 1.0; 0.3 ]; [ 0.3; 0.7 ] ])
let private narrow () = Gaussian.Of([ 0.6; 0.0 ], [ [ 0.9; 0.25 ]; [ 0.25; 0.65 ] ])

/// log(p̃₁/p̃₀) at rows of either.
let private ratios (p0: Gaussian) (p1: Gaussian) (n: int64, m: int64) (rng: Rng) =
    let r (x: Tensor) = p0.Energy.Of x - p1.Energy.Of x + 3.0
    r (p0.Draw(n, rng.Stream "forward")), r (p1.Draw(m, rng.Stream "reverse"))

let private truth (p0: Gaussian) (p1: Gaussian) = p1.LogZ - p0.LogZ + 3.0

let private between due (estimator: Tensor -> Tensor -> LogRatio) =
    let p0, p1 = wide (), narrow ()
    let found = estimator <|| ratios p0 p1 (40_000L, 20_000L) (rng "between")
    Close.near "log ratio" (truth p0 p1 + due) (estimate found)

/// The standard error it claims against the spread of repetitions; the estimate is right to the repetitions' own error and what is left of
/// its bias, at most half its variance.
let private claimed factor (estimator: Tensor -> Tensor -> LogRatio) =
    let p0, p1 = wide (), narrow ()
    let found = [| for i in 1L .. 300L -> estimator <|| ratios p0 p1 (1000L, 500L) ((rng "claimed").Stream i) |]
    let values = found |> Array.map _.Value
    let mean = Close.mean values
    let spread = sqrt (float values.Length) * mean.Error
    Close.near "mean" (truth p0 p1) { mean with Error = mean.Error + spread * spread / 2.0 / Close.k }
    let ratio = (found |> Array.averageBy _.Se) / spread
    // The spread of n values is known up to a share 1/√2n of itself.
    Close.near "standard error over spread" factor { Value = ratio; Error = ratio / sqrt (2.0 * float values.Length) }

let private forward f (_: Tensor) = Normalisers.Forward f
let private reverse (_: Tensor) r = Normalisers.Reverse r
let private bar (f: Tensor) (r: Tensor) = Normalisers.Bar(f, r)

let private twoSided = [
    for name, estimator in [ "importance sampling", forward; "its reverse", reverse; "Bennett's acceptance ratio", bar ] do
        law $"{name} finds the ratio of two Gaussians' normalisers within its standard error" (fun () -> between 0.0 estimator)
        |> breaks "a constant of a twentieth of a nat" (fun () -> between 0.05 estimator)

        law $"{name} has the standard error that it says" (fun () -> claimed 1.0 estimator)
        |> breaks "twice the spread" (fun () -> claimed 2.0 estimator)

    law "Bennett's acceptance ratio knows which sample is which" (fun () -> between 0.0 bar)
    |> breaks "rows of p₀ for both" (fun () -> between 0.0 (fun f _ -> bar f f))

    law "of the three, Bennett's standard error is least, and forward ≤ Bennett ≤ reverse on average" (fun () ->
        let p0, p1 = wide (), Gaussian.Of([ 1.0; 1.0 ], [ [ 0.8; 0.0 ]; [ 0.0; 0.6 ] ])
        let found = [|
            for i in 1L .. 100L ->
                let f, r = ratios p0 p1 (100L, 100L) ((rng "three").Stream i)
                Normalisers.Forward f, Normalisers.Bar(f, r), Normalisers.Reverse r
        |]
        let mean pick = found |> Array.map pick |> Close.mean
        let f, b, r =
            mean (fun (f, _, _) -> f.Value - truth p0 p1), mean (fun (_, b, _) -> b.Value - truth p0 p1), mean (fun (_, _, r) -> r.Value - truth p0 p1)
        must $"errors {f.Value}, {b.Value}, {r.Value}" (f.Value < b.Value && b.Value < r.Value)
        must $"spreads {f.Error}, {b.Error}, {r.Error}" (b.Error < f.Error && b.Error < r.Error))
]

let private exact = [
    law "equal densities have ratio 1 without error, and every row counts" (fun () ->
        let same = torch.full ([| 7L |], scalar 0.3)

        for found, n in [ Normalisers.Forward same, 7.0; Normalisers.Reverse same, 7.0; Normalisers.Bar(same, same), 14.0 ] do
            within "value" 0.3 1e-9 found.Value
            within "standard error" 0.0 1e-7 found.Se
            within "effective rows" n 1e-9 found.Ess)

    law "weights 1, 2, 3 are worth 36/14 rows; a row without weight counts for nothing" (fun () ->
        let weights = torch.tensor ([| 0.0; log 2.0; log 3.0; -infinity |])
        let found = Normalisers.Forward weights
        within "log of the mean" (log 1.5) 1e-12 found.Value
        within "effective rows" (36.0 / 14.0) 1e-12 found.Ess
        // Their variance with n − 1 is 5/3, their mean 3/2.
        within "standard error" (sqrt (5.0 / 3.0 / 4.0) / 1.5) 1e-12 found.Se)

    law "log ratios that are no numbers, or all without weight, are refused" (fun () ->
        throws<ArgumentException, _> [ "NaN" ] (fun () -> Normalisers.Forward(torch.tensor [| 0.0; nan |]))
        throws<ArgumentException, _> [ "no row in common" ] (fun () -> Normalisers.Forward(torch.tensor [| -infinity; -infinity |]))
        throws<ArgumentException, _> [ "two rows or more" ] (fun () -> Normalisers.Forward(torch.tensor [| 0.0 |])))
]

let all: Law list = twoSided @ exact
