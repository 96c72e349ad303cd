namespace Ebm.Core;

// Kernels contain settings but no state: callers pass the state in and receive the next. Unadjusted or Metropolis wraps any proposal.

/// <summary>One Markov step of a batch of chains.</summary>
public interface IKernel
{
    /// <returns>The next state, and each chain's acceptance probability, (B), in [0, 1].</returns>
    (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng);

    /// <summary>The same kernel in plain memory, for chains such as x; null if it has no such form.</summary>
    internal TiledKernel? Tiled(Tensor x) => null;
}

/// <summary>A proposed move, which an accept test may reject.</summary>
public interface IProposal
{
    /// <summary>T: the target is exp(−E/T).</summary>
    double Temperature { get; }

    /// <returns>
    /// The candidate, and log q(x | x′) − log q(x′ | x) as a function of the candidate with its slope: (B). For a deterministic flow in phase space
    /// this is the difference of kinetic energies.
    /// </returns>
    (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng);

    /// <inheritdoc cref="IKernel.Tiled"/>
    internal TiledProposal? Tiled(Tensor x) => null;
}

/// <summary>Accepts every proposal: fast, but biased by the step size.</summary>
public sealed record Unadjusted(IProposal Proposal) : IKernel
{
    public (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng)
    {
        var (candidate, _) = Proposal.Propose(energy, state, rng);
        return (candidate, ones_like(candidate.Position.Flat()[.., 0]));
    }

    TiledKernel? IKernel.Tiled(Tensor x) => Proposal.Tiled(x) is { } own ? new TiledUnadjusted(own) : null;
}

/// <summary>
/// Accepts with probability min(1, exp((E − E′)/T) q(x | x′)/q(x′ | x)): exact for any proposal. A candidate without a finite energy is outside the
/// support and is rejected.
/// </summary>
public sealed record Metropolis(IProposal Proposal) : IKernel
{
    public (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng)
    {
        var from = state.Under(energy);
        var (proposed, logRatio) = Proposal.Propose(energy, from, rng);
        var to = proposed.Under(energy);

        var log = (from.Energy! - to.Energy!) / Proposal.Temperature + logRatio(to);
        var probability = where(to.Energy!.isfinite(), log.clamp(max: 0).exp(), 0).nan_to_num(0);
        var accept = rng.UniformLike(probability) < probability;

        Tensor Chosen(Tensor there, Tensor here) => where(accept.PerRow(here), there, here);
        var next = new ChainState(Chosen(to.Position, from.Position), Chosen(to.Energy!, from.Energy!), Chosen(to.Slope!, from.Slope!));
        return (next, probability);
    }

    TiledKernel? IKernel.Tiled(Tensor x) => Proposal.Tiled(x) is { } own ? new TiledMetropolis(own) : null;
}
