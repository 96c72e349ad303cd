namespace Ebm.Core;

/// <summary>
/// Samplers of a tilted normal, ν(z) ∝ N(z; 0, I) exp(−tilt(z)): the posterior of the latent noise of a generalized energy-based model (Arbel, Zhou
/// and Gretton 2021).
/// </summary>
public interface ILatentSampler
{
    /// <param name="tilt">(B, Latent) → (B).</param>
    /// <param name="start">Draws from N(0, I): (count, Latent).</param>
    /// <param name="times">The run is this many times as long as set.</param>
    /// <returns>(count, Latent).</returns>
    Tensor Run(Energy tilt, Tensor start, int times, Rng rng);
}

/// <summary>No chain: samples of the base alone, to measure what the energy adds to it.</summary>
[Kind("prior")]
public sealed record PriorSpec : ILatentSampler
{
    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng) => start.alias();
}

/// <summary>Unadjusted Langevin, biased by the step size.</summary>
/// <param name="Step">ε of z − ε∇U + √(2ε) ξ; the paper's γ is 2ε.</param>
/// <param name="Steps">Per draw.</param>
/// <param name="Decay">Multiplies the step size after each fifth of the steps; 1 leaves it unchanged.</param>
[Kind("ula")]
public sealed record UlaSpec(double Step = .005, int Steps = 500, double Decay = 1) : ILatentSampler
{
    public double Step { get; } = Require.Positive(Step);
    public int Steps { get; } = Require.Moves(Steps);
    public double Decay { get; } = Require.Between(0, 1, Decay);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng) =>
        Posterior.InFifths(
            Steps * times,
            Step,
            Decay,
            start,
            (step, steps, z) => new Unadjusted(new Langevin(step, Temperature: 1)).Run(Posterior.Of(tilt), z, steps, rng)
        );
}

/// <summary>Metropolis-adjusted Langevin: exact in the long run, but slow to change modes.</summary>
/// <param name="Step">ε of z − ε∇U + √(2ε) ξ.</param>
/// <param name="Steps">Per draw.</param>
[Kind("mala")]
public sealed record MalaSpec(double Step = .05, int Steps = 100) : ILatentSampler
{
    public double Step { get; } = Require.Positive(Step);
    public int Steps { get; } = Require.Moves(Steps);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng) =>
        new Metropolis(new Langevin(Posterior.Like(Step, start), Temperature: 1)).Run(Posterior.Of(tilt), start, Steps * times, rng);
}

/// <summary>Kinetic Langevin, which the paper uses for images; biased by the step size.</summary>
/// <param name="Step">λ; the length of a move is 2√λ.</param>
/// <param name="Friction">κ.</param>
/// <param name="Steps">Per draw.</param>
/// <param name="Decay">Multiplies the step size after each fifth of the steps; 1 leaves it unchanged.</param>
[Kind("kla")]
public sealed record KlaSpec(double Step = .005, double Friction = 1, int Steps = 200, double Decay = 1) : ILatentSampler
{
    public double Step { get; } = Require.Positive(Step);
    public double Friction { get; } = Require.Positive(Friction);
    public int Steps { get; } = Require.Moves(Steps);
    public double Decay { get; } = Require.Between(0, 1, Decay);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng)
    {
        using var scope = NewDisposeScope();
        var momentum = zeros_like(start);
        return Posterior
            .InFifths(
                Steps * times,
                Step,
                Decay,
                start,
                (step, steps, z) =>
                {
                    var state = new KineticLangevin(step, Friction).Run(
                        Posterior.Of(tilt),
                        new ChainState(z, Momentum: momentum),
                        steps,
                        rng
                    );
                    momentum = state.Momentum!;
                    scope.Attach(momentum);
                    return state.Position;
                }
            )
            .MoveToOuterDisposeScope();
    }
}

/// <summary>Hamiltonian Monte Carlo.</summary>
/// <param name="Step">Size of a leapfrog step.</param>
/// <param name="Leaps">Leapfrog steps per trajectory.</param>
/// <param name="Steps">Trajectories per draw.</param>
[Kind("hmc")]
public sealed record HmcSpec(double Step = .2, int Leaps = 5, int Steps = 20) : ILatentSampler
{
    public double Step { get; } = Require.Positive(Step);
    public int Leaps { get; } = Require.Between(1, 1000, Leaps);
    public int Steps { get; } = Require.Moves(Steps);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng) =>
        new Metropolis(new Leapfrog(Posterior.Like(Step, start), Leaps, Temperature: 1)).Run(Posterior.Of(tilt), start, Steps * times, rng);
}

/// <summary>
/// Independent Metropolis-Hastings: candidates are independent draws of N(0, I), accepted by their tilt alone. It can change modes in one step, and
/// is uniformly ergodic if the tilt is bounded below.
/// </summary>
/// <param name="Steps">Candidates per draw.</param>
[Kind("independent-metropolis")]
public sealed record IndependentMetropolisSpec(int Steps = 50) : ILatentSampler
{
    public int Steps { get; } = Require.Moves(Steps);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng) =>
        new Metropolis(new Fresh()).Run(Posterior.Of(tilt), start, Steps * times, rng);

    /// <summary>z′ ~ N(0, I), independent of z.</summary>
    sealed record Fresh : IProposal
    {
        public double Temperature => 1;

        public (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng) =>
            (new ChainState(rng.NormalLike(from.Position)), to => (to.Position.square() - from.Position.square()).SumPerRow() / 2);

        TiledProposal? IProposal.Tiled(Tensor x) => new TiledFresh();
    }
}

/// <summary>
/// Sampling importance resampling: each draw is one of <c>pool</c> draws of the prior, chosen with weight exp(−tilt). Exact as the pool grows;
/// draws are independent, and no slope is needed.
/// </summary>
/// <param name="Pool">Prior draws per row.</param>
[Kind("importance-resampling")]
public sealed record ImportanceResamplingSpec(int Pool = 50) : ILatentSampler
{
    public int Pool { get; } = Require.Moves(Pool, least: 2);

    public Tensor Run(Energy tilt, Tensor start, int times, Rng rng)
    {
        // The Gumbel-max trick, one candidate at a time: the maximum of log weight + Gumbel noise is a draw by weight.
        Tensor Race(Tensor z) => -tilt.Of(z) - (-rng.UniformLike(z[.., 0]).clamp(min: 1e-30).log()).log();
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var (best, lead) = (start, Race(start));
        for (var i = 1; i < Pool * times; i++)
        {
            using var inner = NewDisposeScope();
            var z = rng.NormalLike(start);
            var score = Race(z);
            var wins = score > lead;
            if (i > 1)
                inner.Attach(best);
            inner.Attach(lead);
            (best, lead) = (where(wins.PerRow(z), z, best).MoveToOuterDisposeScope(), maximum(score, lead).MoveToOuterDisposeScope());
        }
        return best.MoveToOuterDisposeScope();
    }
}

static class Posterior
{
    /// <summary>U(z) = |z|²/2 + tilt(z).</summary>
    public static Energy Of(Energy tilt) => Energy.Confinement(1) + tilt;

    public static Tensor Like(double step, Tensor z) => full([1], step, dtype: z.dtype, device: z.device);

    /// <summary>A chain in five parts; the step size is multiplied by <paramref name="decay"/> after each.</summary>
    public static Tensor InFifths(int count, double first, double decay, Tensor start, Func<Tensor, int, Tensor, Tensor> stretch) =>
        decay == 1
            ? stretch(Like(first, start), count, start)
            : Chain.Repeat(5, start, (i, z) => stretch(Like(first * Math.Pow(decay, i), z), count * (i + 1) / 5 - count * i / 5, z));
}
