namespace Ebm.Core;

/// <summary>
/// Hamiltonian flow of E(x) + |p|²/2 from a fresh momentum p ~ N(0, T I), in <c>Count</c> leapfrog steps of size ε:
/// p ← p − (ε/2)∇E, x ← x + ε p, p ← p − (ε/2)∇E. Under <see cref="Metropolis"/> this is Hybrid (Hamiltonian) Monte Carlo.
/// </summary>
/// <param name="Step">ε, (1) or (B), a length in x. It corresponds to ε²/2 in Langevin's step.</param>
/// <param name="Count">Steps per trajectory, at least 1.</param>
/// <param name="Temperature">T of the target exp(−E/T), positive.</param>
public sealed record Leapfrog(Tensor Step, int Count, double Temperature) : IProposal
{
    public int Count { get; } = Require.AtLeast(1, Count);

    public (ChainState Candidate, Func<ChainState, Tensor> LogRatio) Propose(Energy energy, ChainState from, Rng rng)
    {
        var here = from.Under(energy);
        var step = Step.PerRow(here.Position);
        var drawn = Math.Sqrt(Temperature) * rng.NormalLike(here.Position);

        var (state, p) = (here, drawn);
        for (var i = 0; i < Count; i++)
        {
            p = p - step / 2 * state.Slope!;
            state = new ChainState(state.Position + step * p).Under(energy);
            p = p - step / 2 * state.Slope!;
        }

        return (state, _ => (drawn.square() - p.square()).SumPerRow() / (2 * Temperature));
    }

    TiledProposal? IProposal.Tiled(Tensor x) => PerRow.Of(Step, x) is { } step ? new TiledLeapfrog(step, Count, Temperature) : null;
}
