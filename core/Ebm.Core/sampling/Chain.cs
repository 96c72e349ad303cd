namespace Ebm.Core;

/// <summary>
/// Runs batches of chains: in plain memory tile by tile if kernel and energy have such a form and nobody watches the steps
/// (<see cref="TiledChain"/>), by tensor operations otherwise. Both draw the same numbers and differ by rounding.
/// </summary>
public static class Chain
{
    /// <summary>Runs all chains of the batch; no value is copied to the host.</summary>
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
    )
    {
        var from = new ChainState(start.detach());
        return watch is null && steps > 0 && TiledChain.Run(kernel, energy, from, steps, rng, continues: false) is var (last, accepted)
            ? Only(last.Position, accepted)
            : ByTensors(kernel, energy, from, steps, rng, watch).Position;
    }

    /// <summary>The same from state to state, for chains that continue under the same energy.</summary>
    public static ChainState Run(
        this IKernel kernel,
        Energy energy,
        ChainState state,
        int steps,
        Rng rng,
        Action<int, ChainState, Tensor>? watch = null
    ) =>
        watch is null && steps > 0 && TiledChain.Run(kernel, energy, state, steps, rng, continues: true) is var (last, accepted)
            ? Only(last, accepted)
            : ByTensors(kernel, energy, state, steps, rng, watch);

    /// <summary>The last positions, (B, …), and the mean acceptance probability of each chain, (B); 0 after no step.</summary>
    public static (Tensor X, Tensor Accepted) RunAccepting(this IKernel kernel, Energy energy, Tensor start, int steps, Rng rng)
    {
        var from = new ChainState(start.detach());
        if (steps > 0 && TiledChain.Run(kernel, energy, from, steps, rng, continues: false) is var (last, accepted))
            return (last.Position, accepted);
        var sum = zeros_like(start.Flat()[.., 0]);
        var ends = ByTensors(kernel, energy, from, steps, rng, (_, _, taken) => sum.add_(taken)).Position;
        return (ends, sum / Math.Max(1, steps));
    }

    /// <summary>One dispose scope per step.</summary>
    static ChainState ByTensors(IKernel kernel, Energy energy, ChainState state, int steps, Rng rng, Action<int, ChainState, Tensor>? watch)
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

    static T Only<T>(T result, Tensor accepted)
    {
        accepted.Dispose();
        return result;
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
            FreedMemory.Return();
        }
        return state;
    }
}
