/// Samplers of a tilted normal: each has the stationary distribution that theory predicts, exact or biased; the published acceptance does not.
module Ebm.Tests.Laws.LatentSamplerLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World
open Ebm.Tests.Gaussian

let private chains = 20_000L

/// tilt(z) = κ (z − 1)²/2 on N(0, 1): the posterior is N(κ/(1 + κ), 1/(1 + κ)).
let private tilt (k: float) = Energy(fun z -> k * (z - 1.0).square().sum 1L / 2.0)

let private drawn (sampler: ILatentSampler) k times =
    let rng = rng "posterior"
    values (sampler.Run(tilt k, (rng.Stream "start").Normal(chains, 1L), times, rng.Stream "chain"))

let private settles what (sampler: ILatentSampler) k variance =
    let z = drawn sampler k 1
    Close.near $"{what}: mean" (k / (1.0 + k)) (Close.mean z)
    Close.near $"{what}: variance" variance (Close.variance z)

/// The stationary variance of unadjusted Langevin under curvature c.
let private biased c step = 1.0 / (c * (1.0 - step * c / 2.0))

let private exact = [
    "mala", (MalaSpec(0.3, 40) :> ILatentSampler)
    "hmc", HmcSpec(0.3, 4, 20)
    "independent-metropolis", IndependentMetropolisSpec 60
]

/// MALA's candidate with the acceptance of the paper's code: (γ/4)|·|² for the reverse move instead of |·|²/(4γ), as for the forward move.
type private Published(step: float) =
    interface IProposal with
        member _.Temperature = 1.0

        member _.Propose(energy, from, rng) =
            let here = from.Under energy
            let noise = sqrt (2.0 * step) * rng.NormalLike here.Position

            struct (ChainState(here.Position - step * here.Slope + noise),
                    Func<ChainState, Tensor>(fun there ->
                        let back = here.Position - there.Position + step * there.Slope
                        (noise.square () / (4.0 * step) - step / 4.0 * back.square ()).sum 1L))

/// Variance of chains of N(0, 1), run long enough to forget their start.
let private standard (chains: int64) (kernel: IKernel) steps =
    let rng = rng "standard"
    let ends = kernel.Run(Energy.Confinement 1.0, (rng.Stream "start").Normal(chains, 1L), steps, rng.Stream "chain")
    Close.variance (Close.column ends 0)

let private mala (step: float) = Metropolis(Langevin(number step, 1.0)) :> IKernel
let private published step = Metropolis(Published step) :> IKernel
let private steps step = int (ceil (4.0 / step))

let private malaIsExact (kernel: float -> IKernel) =
    for step in [ 0.05; 0.1; 0.5; 1.0 ] do
        let found = standard 40_000L (kernel step) (steps step)
        Close.near $"variance at γ = {step}" 1.0 found
        must $"variance {found.Value:G5} at γ = {step}, which must be within a fiftieth of 1" (abs (found.Value - 1.0) <= 0.02)

/// Under k x²/2 the position has variance 1/k, the momentum 1/(1 − k h²/4) with h = 2√λ.
let private kinetic (k: float) (lambda: float) (friction: float) momentum =
    let rng = rng "kinetic"
    let start = (rng.Stream "start").Normal(chains, 1L) / sqrt k
    let kernel = KineticLangevin(number lambda, friction)
    let h = 2.0 * sqrt lambda
    // The slower of friction and curvature forgets all but a hundredth.
    let count = int (ceil (5.0 / (h * min friction (k / friction))))
    let state =
        kernel.Run(
            Energy(fun x -> k * x.square().sum 1L / 2.0),
            ChainState(start, Momentum = rng.NormalLike start),
            count,
            rng.Stream "chain"
        )
    Close.near $"positions, k = {k}, λ = {lambda}, κ = {friction}" (1.0 / k) (Close.variance (Close.column state.Position 0))
    Close.near $"momenta, k = {k}, λ = {lambda}, κ = {friction}" (momentum k h) (Close.variance (Close.column (nonNull state.Momentum) 0))

let private kineticSettles momentum =
    for k, lambda, friction in [ 1.0, 0.01, 1.0; 1.0, 0.2, 2.0; 4.0, 0.1, 2.0 ] do
        kinetic k lambda friction momentum

let all = [
    for name, sampler in exact do
        law $"{name} draws from the posterior N(κ/(1 + κ), 1/(1 + κ))" (fun () ->
            for k in [ 0.5; 3.0 ] do
                settles name sampler k (1.0 / (1.0 + k)))
        |> breaks "without the prior" (fun () -> settles name sampler 3.0 (1.0 / 3.0))

    law "importance resampling draws from the posterior, more accurately with a larger pool" (fun () ->
        settles "a pool of 500" (ImportanceResamplingSpec 500) 3.0 0.25
        let off pool = abs ((Close.variance (drawn (ImportanceResamplingSpec pool) 3.0 1)).Value - 0.25)
        must "a pool of 2 must be worse" (off 2 > 5.0 * off 500)
        // Ten times the length is ten times the pool.
        let z = drawn (ImportanceResamplingSpec 50) 3.0 10
        Close.near "a pool of 50, ten times" 0.25 (Close.variance z))
    |> breaks "a pool of two" (fun () -> settles "a pool of two" (ImportanceResamplingSpec 2) 3.0 0.25)

    law "the prior stays at N(0, 1) whatever the tilt" (fun () ->
        let z = drawn (PriorSpec()) 3.0 1
        Close.near "mean" 0.0 (Close.mean z)
        Close.near "variance" 1.0 (Close.variance z))
    |> breaks "a chain" (fun () -> Close.near "mean" 0.0 (Close.mean (drawn (MalaSpec(0.3, 40)) 3.0 1)))

    law "unadjusted Langevin has the theoretical bias, variance 1/(c(1 − εc/2))" (fun () ->
        for step in [ 0.05; 0.1 ] do
            settles "ula" (UlaSpec(step, 40)) 3.0 (biased 4.0 step))
    |> breaks "compared with the posterior" (fun () -> settles "ula" (UlaSpec(0.1, 40)) 3.0 0.25)

    law "kinetic Langevin has variance 1/k, and its momenta 1/(1 − k h²/4)" (fun () ->
        kineticSettles (fun k h -> 1.0 / (1.0 - k * h * h / 4.0)))
    |> breaks "momenta of variance one" (fun () -> kineticSettles (fun _ _ -> 1.0))

    law "kla draws from the posterior" (fun () -> settles "kla" (KlaSpec(0.02, 2.0, 60)) 3.0 0.25)
    |> breaks "too few steps" (fun () -> settles "kla" (KlaSpec(0.02, 2.0, 4)) 3.0 0.25)

    law "Metropolis-adjusted Langevin is within 2 % of variance 1 at every step (D7)" (fun () -> malaIsExact mala)
    |> breaks "the published acceptance" (fun () -> malaIsExact published)

    law "the published acceptance gives variance 1.026, 1.057 and 1.115 at γ = .05, .1 and .5 (D7)" (fun () ->
        for step, printed in [ 0.05, 1.026; 0.1, 1.057; 0.5, 1.115 ] do
            // The table is from one chain of 400,000 steps whose variance forgets at rate 2γ; this is its standard error.
            let table: Close.Estimate = { Value = printed; Error = printed * sqrt (2.0 / (400_000.0 * step)) }
            let found = standard 160_000L (published step) (steps step)
            Close.near $"published minus the table at γ = {step}" 0.0 (found - table)
            Close.above $"published at γ = {step}" 1.0 found)

    law "a decaying step makes the same number of moves in five parts, and the momentum carries over" (fun () ->
        let costs (sampler: ILatentSampler) times =
            let before = Cost.Units
            sampler.Run(tilt 1.0, (rng "costs").Normal(10L, 1L), times, rng "costs") |> ignore
            Cost.Units - before

        for steps in [ 3; 7; 20 ] do
            must "ula's moves" (costs (UlaSpec(0.01, steps, 0.1)) 2 = 20L * int64 steps)
            must "kla's moves" (costs (KlaSpec(0.01, 1.0, steps, 0.1)) 2 = 20L * int64 steps))
]
