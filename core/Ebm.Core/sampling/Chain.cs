namespace Ebm.Core;

public static class Chain
{
    /// <summary>Runs all chains of the batch, with one dispose scope per step; no value is copied to the host.</summary>
    /// <param name="start">(B, …).</param>
    /// <param name="watch">Receives step number, state and acceptance after each step; it must move tensors that it keeps out of the scope.</param>
    /// <returns>The last positions, detached: (B, …).</returns>
    public static Tensor Run(
        this IKernel kernel,
        Energy energy,
        Tensor start,
        int steps,
        Rng rng,
        Action<int, ChainState, Tensor>? watch = null
    ) => kernel.Run(energy, new ChainState(start.detach()), steps, rng, watch).Position;

    /// <summary>The same from state to state, for chains that continue under the same energy.</summary>
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
            // The next step's scope disposes each intermediate state, so a chain holds one state whatever its length.
            if (i > 0)
                state.MoveInto(scope);
            (state, var accepted) = kernel.Step(energy, state, rng);
            watch?.Invoke(i, state, accepted);
            state.MoveOut();
        }
        return state;
    }

    /// <summary>Repeats a transition, with one dispose scope each, for loops around chains such as annealing and generation.</summary>
    /// <param name="transition">From number and state to the next state.</param>
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
