namespace Ebm.Core;

/// <summary>
/// A kernel whose chains are put back to the nearest point of the cube [−bound, bound], as image papers clamp pixels. Rows at the
/// border then have mass that exp(−E/T) does not give them: this is no sampler of a density.
/// </summary>
/// <param name="Bound">Half the cube's side, positive.</param>
public sealed record Within(IKernel Kernel, double Bound) : IKernel
{
    public (ChainState Next, Tensor Accepted) Step(Energy energy, ChainState state, Rng rng)
    {
        var (next, accepted) = Kernel.Step(energy, state, rng);
        return (new ChainState(next.Position.clamp(-Bound, Bound)), accepted);
    }
}
