namespace Ebm.Core;

/// <summary>
/// x′ = x + sξ, whatever the energy: a long leap that a slope would not take. Symmetric, so only the energies decide under Metropolis.
/// Worth its cost where a leap has a chance to land, in few dimensions.
/// </summary>
/// <param name="Length">s, (1) or one per chain, (B).</param>
/// <param name="Temperature">T of the target exp(−E/T).</param>
public sealed record RandomWalk(Tensor Length, double Temperature) : IProposal
{
    public (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng) =>
        (
            new ChainState(from.Position + Length.PerRow(from.Position) * rng.NormalLike(from.Position)),
            to => zeros_like(to.Position.Flat()[.., 0])
        );
}
