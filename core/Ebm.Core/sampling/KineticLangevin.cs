namespace Ebm.Core;

/// <summary>
/// Underdamped Langevin with persistent momentum, as in the kernel "KLA" (or "lmc") of Arbel, Zhou and Gretton's code; with h = 2√λ,
/// <code>x ← x + (h/2) v,   v ← e^{−κh} (v − (h/2) ∇E(x)) + √(1 − e^{−2κh}) ξ,   v ← v − (h/2) ∇E(x),   x ← x + (h/2) v</code>
/// It computes one slope per step, at the midpoint. Not adjusted: under E = k x²/2 positions have variance 1/k and momenta 1/(1 − k h²/4), so it is
/// unbiased for a Gaussian; otherwise its bias is O(h²). Stable below h = 2/√k.
/// </summary>
/// <param name="Step">λ, (1) or (B).</param>
/// <param name="Friction">κ: each step multiplies the momentum by e^{−κh}.</param>
public sealed record KineticLangevin(Tensor Step, double Friction) : IKernel
{
    (ChainState Next, Tensor Accepted) IKernel.Step(Energy energy, ChainState state, Rng rng)
    {
        var x = state.Position;
        var h = (2 * Step.sqrt()).PerRow(x);
        var v = state.Momentum ?? zeros_like(x);
        var keep = (-Friction * h).exp();

        var half = x + h / 2 * v;
        var kick = h / 2 * energy.WithSlope(half).Slope;
        v = keep * (v - kick) + (1 - keep.square()).sqrt() * rng.NormalLike(x) - kick;
        return (new ChainState(half + h / 2 * v, Momentum: v), ones_like(x.Flat()[.., 0]));
    }

    TiledKernel? IKernel.Tiled(Tensor x) => PerRow.Of(Step, x) is { } step ? new TiledKineticLangevin(step, Friction) : null;
}
