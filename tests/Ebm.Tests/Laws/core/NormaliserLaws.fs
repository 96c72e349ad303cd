/// Normalisers between Gaussians, where log Z is known: importance sampling, its reverse, Bennett's acceptance ratio and annealing; and likelihoods
/// based on them.
module Ebm.Tests.Laws.NormaliserLaws

open System
open System.Collections.Generic
open TorchSharp
open Ebm.Core
open Ebm.Data
open Ebm.Metrics
open Ebm.Records
open Ebm.Tests
open Ebm.Tests.Gaussian
open Ebm.Tests.Law
open Ebm.Tests.World

let private estimate (found: LogRatio) = { Close.Value = found.Value; Close.Error = found.Se }

let private within what due tolerance found =
    must $"{what} is {found} instead of {due}; {tolerance:E1} is allowed" (abs (found - due) <= tolerance)

/// Two different but overlapping densities, with different normalisers and a constant. The weights have four moments, 3 Σ < 4 Σ′, so that their
/// variance has a variance.
let private wide () = Gaussian.Of([ 0.0; 0.2 ], [ [ 1.0; 0.3 ]; [ 0.3; 0.7 ] ])
let private narrow () = Gaussian.Of([ 0.6; 0.0 ], [ [ 0.9; 0.25 ]; [ 0.25; 0.65 ] ])

/// log(p̃₁/p̃₀) at rows of each.
let private ratios (p0: Gaussian) (p1: Gaussian) (n: int64, m: int64) (rng: Rng) =
    let r (x: Tensor) = p0.Energy.Of x - p1.Energy.Of x + 3.0
    r (p0.Draw(n, rng.Stream "forward")), r (p1.Draw(m, rng.Stream "reverse"))

let private truth (p0: Gaussian) (p1: Gaussian) = p1.LogZ - p0.LogZ + 3.0

let private between due (estimator: Tensor -> Tensor -> LogRatio) =
    let p0, p1 = wide (), narrow ()
    let found = estimator <|| ratios p0 p1 (40_000L, 20_000L) (rng "between")
    Close.near "log ratio" (truth p0 p1 + due) (estimate found)

/// The claimed standard error compared with the spread of repetitions. The mean estimate must be correct up to the repetitions' error and the
/// remaining bias, at most half the variance.
let private claimed factor (estimator: Tensor -> Tensor -> LogRatio) =
    let p0, p1 = wide (), narrow ()
    let found = [| for i in 1L .. 300L -> estimator <|| ratios p0 p1 (1000L, 500L) ((rng "claimed").Stream i) |]
    let values = found |> Array.map _.Value
    let mean = Close.mean values
    let spread = sqrt (float values.Length) * mean.Error
    Close.near "mean" (truth p0 p1) { mean with Error = mean.Error + spread * spread / 2.0 / Close.k }
    let ratio = (found |> Array.averageBy _.Se) / spread
    // The spread of n values has a relative error of 1/√2n.
    Close.near "standard error over spread" factor { Value = ratio; Error = ratio / sqrt (2.0 * float values.Length) }

let private forward f (_: Tensor) = Normalisers.Forward f
let private reverse (_: Tensor) r = Normalisers.Reverse r
let private bar (f: Tensor) (r: Tensor) = Normalisers.Bar(f, r)

let private twoSided = [
    for name, estimator in [ "importance sampling", forward; "its reverse", reverse; "Bennett's acceptance ratio", bar ] do
        law $"{name} finds the ratio of two Gaussians' normalisers within its standard error" (fun () -> between 0.0 estimator)
        |> breaks "a constant of a twentieth of a nat" (fun () -> between 0.05 estimator)

        law $"{name} has the standard error that it reports" (fun () -> claimed 1.0 estimator)
        |> breaks "twice the spread" (fun () -> claimed 2.0 estimator)

    law "Bennett's acceptance ratio distinguishes the two samples" (fun () -> between 0.0 bar)
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
            mean (fun (f, _, _) -> f.Value - truth p0 p1),
            mean (fun (_, b, _) -> b.Value - truth p0 p1),
            mean (fun (_, _, r) -> r.Value - truth p0 p1)
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

    law "weights 1, 2, 3 are worth 36/14 rows; a row without weight does not count" (fun () ->
        let weights = torch.tensor ([| 0.0; log 2.0; log 3.0; -infinity |])
        let found = Normalisers.Forward weights
        within "log of the mean" (log 1.5) 1e-12 found.Value
        within "effective rows" (36.0 / 14.0) 1e-12 found.Ess
        // The variance with n − 1 is 5/3, the mean 3/2.
        within "standard error" (sqrt (5.0 / 3.0 / 4.0) / 1.5) 1e-12 found.Se)

    law "log ratios that are NaN, or all −∞, are rejected" (fun () ->
        throws<ArgumentException, _> [ "NaN" ] (fun () -> Normalisers.Forward(torch.tensor [| 0.0; nan |]))
        throws<ArgumentException, _> [ "no row in common" ] (fun () -> Normalisers.Forward(torch.tensor [| -infinity; -infinity |]))
        throws<ArgumentException, _> [ "two rows or more" ] (fun () -> Normalisers.Forward(torch.tensor [| 0.0 |])))
]

let private never () : 'a = raise (InvalidOperationException "a metric must not call this")

/// A density with a proposal: the energy of one Gaussian with a constant, weighed by rows of another, and an error planted in the weights.
type private Weighed(density: Gaussian, proposal: Gaussian, constant: float, wrong: Tensor -> Tensor) =
    inherit Method("weighed", [| 2L |])
    override _.Parts = Dictionary<string, torch.nn.Module>() :> IReadOnlyDictionary<_, _>
    override _.Iterate(_, _) = never ()
    override _.Sample(count, rng) = density.Draw(count, rng)

    interface IWeighted with
        member _.Density = Energy(fun x -> density.Energy.Of x + constant)

        member _.Weigh(count, rng) =
            let x = proposal.Draw(count, rng)
            struct (x, wrong (-(density.Energy.Of x) - constant - proposal.LogDensity x))

let private site = Site([||], device, rng "normaliser data", "")

/// Test rows of N(0, I/4), in double.
let private data () =
    let source = (GaussiansSpec(Modes = 1, Radius = 0, Sd = 0.5, Train = 2000, Test = 1000) :> ISpec<IDataset>).Build site

    {
        new IDataset with
            member _.Name = source.Name
            member _.Shape = source.Shape
            member _.Train = source.Train.``to`` torch.float64
            member _.Test = source.Test.``to`` torch.float64
            member _.Digest = source.Digest
    }

let private measured (spec: ISpec<IMetric>) (method: Method) samples =
    (spec.Build site).Measure(Subject(method, data (), samples, rng "measure")) |> Seq.map (fun m -> m.Name, m) |> Map.ofSeq

let private of' name (found: Map<string, Measurement>) = {
    Close.Value = found[name].Value
    Close.Error = found[name].Se.GetValueOrDefault 0.0
}

let private model () = Gaussian.Of([ 0.1; 0.0 ], [ [ 0.3; 0.1 ]; [ 0.1; 0.25 ] ])

/// For these test rows, so that only log Z is estimated.
let private exactNll () = -(value ((model ()).LogDensity(data().Test).mean()))

let private likelihood wrong =
    let weighed = new Weighed(model (), Gaussian.Round(2, 0.4), 5.0, wrong)
    let found = measured (LikelihoodSpec(Rows = 100_000)) weighed (torch.zeros (2L, 2L))
    let logZ = of' "nll/log-z" found
    Close.near "log Z" ((model ()).LogZ - 5.0) logZ
    Close.near "nll of the rows" (exactNll ()) { of' "nll" found with Error = logZ.Error }
    must "the flag is up" (found["nll/low-ess"].Value = 0.0)
    let low, high = found["nll/log-z-low"].Value, found["nll/log-z-high"].Value
    must $"log Z {logZ.Value} in [{low}, {high}]" (low < logZ.Value && logZ.Value < high && high - low < 5.0 * logZ.Error)
    // The errors of the rows and of log Z, which are independent.
    let rows = Close.mean (values ((model ()).LogDensity(data().Test)))
    within "standard error of nll" (sqrt (rows.Error ** 2.0 + logZ.Error ** 2.0)) 1e-9 found["nll"].Se.Value

let private annealed samples constant =
    let weighed = new Weighed(model (), model (), 5.0, id)
    let found = measured (AisSpec(Rungs = 60, Chains = 300, Settle = 20)) weighed (samples 300L)
    let truth = (model ()).LogZ - 5.0 + constant
    Close.near "forward" truth (of' "ais/forward" found)
    Close.near "reverse" truth (of' "ais/reverse" found)
    Close.near "joined" truth (of' "ais/log-z" found)
    Close.near "nll of the rows" (exactNll () + constant) { of' "ais/nll" found with Error = (of' "ais/log-z" found).Error }
    let gap = of' "ais/gap" found
    must $"the gap is {gap.Value}, standard error {gap.Error}" (gap.Value > -Close.k * gap.Error)
    let accepted = found["ais/accepted"].Value
    must $"{accepted} were accepted" (accepted > 0.4 && accepted < 0.9)

let private exactly count = (model ()).Draw(count, rng "samples")

let private likelihoods = [
    law "nll is the closed form's, its log Z that of the Gaussian, both within their standard errors" (fun () -> likelihood id)
    |> breaks "weights that forget a tenth of a nat" (fun () -> likelihood (fun w -> w - 0.1))
    |> breaks "weights without their spread, so that the mean of the logs replaces the log of the mean" (fun () ->
        likelihood (fun w -> torch.ones_like w * w.mean () + 1e-3 * w))

    law "a proposal that misses the density sets the flag, and its nll is still reported" (fun () ->
        let far = new Weighed(model (), Gaussian.Of([ 3.0; 3.0 ], [ [ 0.1; 0.0 ]; [ 0.0; 0.1 ] ]), 0.0, id)
        let found = measured (LikelihoodSpec(Rows = 20_000)) far (torch.zeros (2L, 2L))
        let ess, flag = found["nll/ess"].Value, found["nll/low-ess"].Value
        must $"ess {ess}, flag {flag}" (ess < 1000.0 && flag = 1.0)
        must "it has no nll" (found.ContainsKey "nll"))

    law "if the proposal is the density itself, one chunk of rows is enough, and the error is zero" (fun () ->
        let itself = new Weighed(model (), model (), 0.0, fun w -> torch.zeros_like w)
        let found = measured (LikelihoodSpec(Rows = 1_000_000)) itself (torch.zeros (2L, 2L))
        let logZ = found["nll/log-z"]
        must $"{logZ}" (logZ.N = Nullable 16_384L && logZ.Se.Value < 1e-8)
        within "log Z" 0.0 1e-12 logZ.Value)

    law "a data set without validation rows has no likelihood of them" (fun () ->
        let found = measured (LikelihoodSpec(Split = Split.Validation)) (new Weighed(model (), model (), 0.0, id)) (torch.zeros (2L, 2L))
        must $"{found.Count} were measured" found.IsEmpty)

    law "annealing finds a Gaussian's log Z forward, in reverse and joined, within its standard errors" (fun () -> annealed exactly 0.0)
    |> breaks "a constant of a tenth of a nat" (fun () -> annealed exactly 0.1)
    |> breaks "a reverse run from rows of another density, without settling and with few rungs" (fun () ->
        let weighed = new Weighed(model (), model (), 5.0, id)
        let found = measured (AisSpec(Rungs = 2, Chains = 300, Settle = 0)) weighed (exactly 300L + 0.5)
        Close.near "reverse" ((model ()).LogZ - 5.0) (of' "ais/reverse" found))
]

let all: Law list = twoSided @ exact @ likelihoods
