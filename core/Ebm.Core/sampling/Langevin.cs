namespace Ebm.Core;

/// <summary>
/// x′ = x − ε ∇E(x) + √(2εT) ξ. In papers that write δ²/2 or s²/2 before the slope, that factor is ε.
/// </summary>
/// <param name="Step">ε, (1) or one per chain, (B): chains at different levels are one batch.</param>
/// <param name="Temperature">T: 1 samples exp(−E), 0 is gradient descent.</param>
public sealed record Langevin(Tensor Step, double Temperature) : IProposal
{
    public (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng)
    {
        var here = from.Under(energy);
        var step = Step.PerRow(here.Position);
        var noise = (2 * Temperature * step).sqrt() * rng.NormalLike(here.Position);
        var candidate = new ChainState(here.Position - step * here.Slope! + noise);

        // q(x′ | x) = N(x − ε∇E(x), 2εT): the forward residual is the noise, the backward one is x − x′ + ε∇E(x′).
        return (
            candidate,
            to =>
            {
                var back = here.Position - to.Position + step * to.Slope!;
                return ((noise.square() - back.square()) / (4 * Temperature * step)).SumPerRow();
            }
        );
    }

    TiledProposal? IProposal.Tiled(Tensor x) => PerRow.Of(Step, x) is { } step ? new TiledLangevin(step, Temperature) : null;
}
