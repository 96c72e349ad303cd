namespace Ebm.Core;

/// <summary>
/// x′ = x + sξ, independent of the energy: long moves, which can change modes. The proposal is symmetric, so Metropolis compares energies only.
/// Such moves are accepted often enough only in few dimensions.
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

    TiledProposal? IProposal.Tiled(Tensor x) => PerRow.Of(Length, x) is { } length ? new TiledRandomWalk(length, Temperature) : null;
}
