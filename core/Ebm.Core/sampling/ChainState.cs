namespace Ebm.Core;

/// <summary>
/// Where a batch of chains stands. Energy and slope, once computed, are those at Position, so that no step computes them twice; they
/// are null until a step needs them, so that an unadjusted chain does not pay for its last position.
/// </summary>
/// <param name="Position">(B, …).</param>
/// <param name="Energy">(B).</param>
/// <param name="Slope">∇E, as Position.</param>
/// <param name="Momentum">As Position, for kernels that keep one.</param>
public sealed record ChainState(Tensor Position, Tensor? Energy = null, Tensor? Slope = null, Tensor? Momentum = null)
{
    /// <summary>This state with energy and slope.</summary>
    public ChainState Under(Energy energy)
    {
        if (Energy is not null && Slope is not null)
            return this;
        var (e, slope) = energy.WithSlope(Position);
        return this with { Energy = e, Slope = slope };
    }

    /// <summary>The state ends with this scope, unless it is moved out again.</summary>
    internal void MoveInto(DisposeScope scope)
    {
        foreach (var tensor in (Tensor?[])[Position, Energy, Slope, Momentum])
            if (tensor is not null)
                scope.Attach(tensor);
    }

    /// <summary>The state survives the scope of the step that made it.</summary>
    internal ChainState MoveOut()
    {
        Position.MoveToOuterDisposeScope();
        Energy?.MoveToOuterDisposeScope();
        Slope?.MoveToOuterDisposeScope();
        Momentum?.MoveToOuterDisposeScope();
        return this;
    }
}
