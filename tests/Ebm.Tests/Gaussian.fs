/// Distributions with known answers: N(μ, Σ), with energy, score, diffusions, posteriors, normaliser and divergence in closed form, a
/// ladder of its diffusions, and a few other targets with exact draws.
module Ebm.Tests.Gaussian

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests.World

/// N(mean, covariance): mean (d), covariance (d, d).
type Gaussian(mean: Tensor, covariance: Tensor) =
    let d = mean.shape[0]
    let precision = torch.linalg.inv covariance
    let factor = torch.linalg.cholesky covariance
    let logZ = float d / 2.0 * log (2.0 * Math.PI) + value (factor.diagonal().log().sum())

    /// From numbers: mean, and covariance row by row.
    static member Of(mean: float list, covariance: float list list) = Gaussian(row mean, rows covariance)

    /// N(0, variance I).
    static member Round(d: int, variance: float) =
        Gaussian(torch.zeros (int64 d, device = device), variance * torch.eye (int64 d, device = device))

    member _.Dimension = int d
    member _.Mean = mean
    member _.Covariance = covariance
    member _.Precision = precision

    member _.MeanValues = values mean

    member _.CovarianceValues =
        let all = values covariance
        Array2D.init (int d) (int d) (fun i j -> all[i * int d + j])

    /// (x − μ)ᵀ Σ⁻¹ (x − μ) / 2; autograd gives its slope.
    member _.Energy = Energy(fun x -> ((x - mean).matmul(precision) * (x - mean)).sum(1L) / 2.0)

    /// log ∫ exp(−Energy).
    member _.LogZ = logZ

    member g.LogDensity(x: Tensor) = -g.Energy.Of x - logZ

    /// ∇ log p.
    member _.Score(x: Tensor) = -(x - mean).matmul(precision)

    member _.Draw(count: int64, rng: Rng) = mean + rng.NormalLike(torch.empty (count, d, device = device)).matmul(factor.t ())

    /// The distribution of signal · x + noise · ξ.
    member _.Diffused(signal: float, noise: float) =
        Gaussian(signal * mean, signal * signal * covariance + noise * noise * torch.eye (d, device = device))

    /// The distribution of x given y = scale · x + spread · ξ.
    member _.Recovered(y: Tensor, scale: float, spread: float) =
        let weight = scale / (spread * spread)
        let posterior = torch.linalg.inv (precision + weight * scale * torch.eye (d, device = device))
        Gaussian(posterior.matmul (precision.matmul mean + weight * y), posterior)

    /// The stationary distribution of unadjusted Langevin with step ε at temperature T: covariance T Σ (I − ε Σ⁻¹ / 2)⁻¹, and the mean.
    member _.Settled(step: float, temperature: float) =
        let shrunk = precision.matmul (torch.eye (d, device = device) - step / 2.0 * precision)
        Gaussian(mean, temperature * torch.linalg.inv shrunk)

    /// KL(this ‖ other), nats.
    member g.Divergence(other: Gaussian) =
        let apart = mean - other.Mean
        let trace = value (other.Precision.matmul(covariance).diagonal().sum())
        let distance = value (apart.matmul(other.Precision).dot apart)
        (trace + distance - float d) / 2.0 + other.LogZ - logZ

/// The exact energies of a Gaussian's diffusions, normalised and then shifted: E(x, ℓ) = −log p_ℓ(x) + shift_ℓ, so p(ℓ) ∝ exp(−shift_ℓ).
type GaussianLadder(world: Gaussian, schedule: NoiseSchedule, shift: float list) =
    inherit LevelNet("gaussian-ladder")

    let signal, noise = values schedule.Signal, values schedule.Noise
    let levels = Array.map2 (fun s n -> world.Diffused(s, n)) signal noise
    let table (x: Tensor) = torch.stack (levels |> Array.mapi (fun i g -> shift[i] - g.LogDensity x), 1L)

    member _.At(level: int) = levels[level]

    override _.Levels = levels.Length

    override _.EveryEnergy x = table x

    override _.EnergyAt(x, level) = (table x).gather(1L, level.unsqueeze 1L).squeeze 1L

/// A flow in closed form, x = s z with log s its only weight: N(0, s² I).
type Scaled(scale: float) as net =
    inherit FlowNet("scaled", 2L)
    let own = new Modules.Parameter(number (log scale))
    let log = own :> Tensor
    do net.register_parameter ("log", own)

    override _.Pushed z = struct (z * log.exp (), (2.0 * log).expand z.shape[0])
    override _.Pulled x = struct (x * (-log).exp(), (-2.0 * log).expand x.shape[0])

type ScaledSpec(scale: float) =
    interface IGeneratorSpec<GeneratorNet> with
        member _.Build(_, _) = new Scaled(scale)

    // F# has no variance of generic interfaces, which would make the spec of a flow a spec of a generator, as in C#.
    interface IGeneratorSpec<FlowNet> with
        member _.Build(_, _) = new Scaled(scale)

/// A stationary distribution for chains: an energy, and exact draws from exp(−E).
type Target = { Name: string; Energy: Energy; Draw: int64 -> Rng -> Tensor }

/// Draws from a density on the line by its distribution function on a grid of 20,000 cells, linear within each.
let private byQuantiles (low: float) (high: float) (energy: float -> float) =
    let cells = 20_000
    let width = (high - low) / float cells
    let mass = Array.init cells (fun i -> exp -(energy (low + (float i + 0.5) * width)))
    let upTo = Array.scan (+) 0.0 mass |> Array.map (fun m -> m / Array.sum mass)

    fun (count: int64) (rng: Rng) ->
        let draw u =
            let cell = Array.BinarySearch(upTo, u)
            let i = min (cells - 1) (if cell >= 0 then cell else ~~~cell - 1)
            low + (float i + (u - upTo[i]) / (upTo[i + 1] - upTo[i])) * width

        let drawn = values (rng.Uniform count) |> Array.map draw
        (torch.tensor (drawn, dtype = torch.float64, device = device)).unsqueeze 1L

/// Correlated, with different widths, not centred.
let correlated () = Gaussian.Of([ 1.0; -0.5; 0.3 ], [ [ 1.0; 0.6; 0.0 ]; [ 0.6; 0.8; -0.2 ]; [ 0.0; -0.2; 0.5 ] ])

let targets () =
    let gaussian = correlated ()
    let far = row [ 1.2; 0.4 ]

    [
        { Name = "a correlated Gaussian"; Energy = gaussian.Energy; Draw = fun n rng -> gaussian.Draw(n, rng) }
        {
            Name = "a double well"
            Energy = Energy(fun x -> (x.square () - 1.0).square().sum 1L)
            Draw = byQuantiles -4.0 4.0 (fun x -> (x * x - 1.0) ** 2.0)
        }
        {
            Name = "two Gaussians, three to one"
            Energy =
                Energy(fun x ->
                    let well weight (centre: Tensor) = log weight - (x - centre).square().sum 1L / 0.5
                    -torch.logaddexp(well 0.75 far, well 0.25 -far))
            Draw =
                fun n rng ->
                    let side = (rng.Stream("side").Uniform(n, 1L)).lt(scalar 0.75).``to`` torch.float64
                    (2.0 * side - 1.0) * far + 0.5 * rng.Normal(n, 2L)
        }
        {
            Name = "an exponential behind a wall"
            Energy = Energy(fun x -> torch.where(x.gt (scalar 0.0), x, torch.full_like (x, scalar infinity)).sum 1L)
            Draw = fun n rng -> -(1.0 - rng.Uniform(n, 1L)).log()
        }
    ]
