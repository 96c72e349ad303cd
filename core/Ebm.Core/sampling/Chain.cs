namespace Ebm.Core;

public static class Chain
{
    /// <summary>Runs every chain of the batch, a scope per step; nothing is read back to the host.</summary>
    /// <param name="start">(B, …).</param>
    /// <param name="watch">Sees step number, state and acceptance after each step; what it keeps it must copy out of the scope.</param>
    /// <returns>Where the chains end, cut from every graph: (B, …).</returns>
    public static Tensor Run(
        this IKernel kernel,
        Energy energy,
        Tensor start,
        int steps,
        Rng rng,
        Action<int, ChainState, Tensor>? watch = null
    ) => kernel.Run(energy, new ChainState(start.detach()), steps, rng, watch).Position;

    /// <summary>The same from a state to a state, for chains that go on under the same energy.</summary>
    public static ChainState Run(
        this IKernel kernel,
        Energy energy,
        ChainState state,
        int steps,
        Rng rng,
        Action<int, ChainState, Tensor>? watch = null
    )
    {
        using var free = no_grad();
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            // Every state but the caller's dies with the step that leaves it: a chain of any length holds one.
            if (i > 0)
                state.MoveInto(scope);
            (state, var accepted) = kernel.Step(energy, state, rng);
            watch?.Invoke(i, state, accepted);
            state.MoveOut();
        }
        return state;
    }

    /// <summary>Repeats a transition, a scope for each, for loops around chains: annealing, generation.</summary>
    /// <param name="transition">From number and state to state.</param>
    public static Tensor Repeat(int count, Tensor state, Func<int, Tensor, Tensor> transition)
    {
        using var free = no_grad();
        for (var i = 0; i < count; i++)
        {
            using var scope = NewDisposeScope();
            if (i > 0)
                scope.Attach(state);
            state = transition(i, state).MoveToOuterDisposeScope();
            Machine.ReturnFreedMemory();
        }
        return state;
    }
}
