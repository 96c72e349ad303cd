namespace Ebm.Core;

/// <summary>
/// The state of a batch of chains. Energy and slope at Position are cached once computed, so no step computes them twice. They are null until a
/// step needs them, so an unadjusted chain does not compute them at its last position.
/// </summary>
/// <param name="Position">(B, …).</param>
/// <param name="Energy">(B).</param>
/// <param name="Slope">∇E, shaped as Position.</param>
/// <param name="Momentum">Shaped as Position, for kernels that use one.</param>
public sealed record ChainState(Tensor Position, Tensor? Energy = null, Tensor? Slope = null, Tensor? Momentum = null)
{
    /// <summary>This state with energy and slope computed.</summary>
    public ChainState Under(Energy energy)
    {
        if (Energy is not null && Slope is not null)
            return this;
        var (e, slope) = energy.WithSlope(Position);
        return this with { Energy = e, Slope = slope };
    }

    /// <summary>Attaches the state to the scope, which disposes it unless it is moved out again.</summary>
    internal void MoveInto(DisposeScope scope)
    {
        foreach (var tensor in (Tensor?[])[Position, Energy, Slope, Momentum])
            if (tensor is not null)
                scope.Attach(tensor);
    }

    /// <summary>Moves the state out of the scope of the step that made it.</summary>
    internal ChainState MoveOut()
    {
        Position.MoveToOuterDisposeScope();
        Energy?.MoveToOuterDisposeScope();
        Slope?.MoveToOuterDisposeScope();
        Momentum?.MoveToOuterDisposeScope();
        return this;
    }
}
