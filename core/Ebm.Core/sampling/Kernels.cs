namespace Ebm.Core;

// A kernel holds settings; state is handed in and back. Exactness is a wrapper: Unadjusted or Metropolis around any proposal.

/// <summary>One Markov step of a batch of chains.</summary>
public interface IKernel
{
    /// <returns>The next state, and each chain's acceptance probability, (B), in [0, 1].</returns>
    (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng);
}

/// <summary>A move that may be accepted or not.</summary>
public interface IProposal
{
    /// <summary>T: the target is exp(−E/T).</summary>
    double Temperature { get; }

    /// <returns>
    /// The candidate, and log q(x | x′) − log q(x′ | x) as a function of the candidate with its slope: (B). For a deterministic flow
    /// in phase space it is the kinetic difference.
    /// </returns>
    (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng);
}

/// <summary>Takes every proposal: fast, and biased by the step.</summary>
public sealed record Unadjusted(IProposal Proposal) : IKernel
{
    public (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng)
    {
        var (candidate, _) = Proposal.Propose(energy, state, rng);
        return (candidate, ones_like(candidate.Position.Flat()[.., 0]));
    }
}

/// <summary>
/// Accepts with probability min(1, exp((E − E′)/T) q(x | x′)/q(x′ | x)): exact for any proposal, and the only accept test there is.
/// A candidate without a finite energy is outside the support and is refused.
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
}
