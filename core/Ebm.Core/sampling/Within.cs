namespace Ebm.Core;

/// <summary>
/// A kernel that clamps chains to the cube [−bound, bound], as image papers clamp pixels. The boundary then has mass that exp(−E/T) does not give
/// it, so this does not sample a density.
/// </summary>
/// <param name="Bound">Half the cube's side, positive.</param>
public sealed record Within(IKernel Kernel, double Bound) : IKernel
{
    public (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng)
    {
        var (next, accepted) = Kernel.Step(energy, state, rng);
        return (new ChainState(next.Position.clamp(-Bound, Bound)), accepted);
    }

    TiledKernel? IKernel.Tiled(Tensor x) => Kernel.Tiled(x) is { } own ? new TiledWithin(own, Bound) : null;
}
