namespace Ebm.Core;

/// <summary>
/// Runs chains in plain memory: all steps of a tile of 32 chains while it is in the cache, then those of the next tile. Nothing is allocated per
/// step. The draws of a row are functions of its number, so results depend neither on the order of tiles nor on threads.
/// </summary>
static unsafe class TiledChain
{
    /// <summary>The state after all steps, and each chain's mean acceptance; null if kernel, energy or state have no form in plain memory.</summary>
    /// <param name="steps">At least 1.</param>
    /// <param name="continues">Whether the state must have energy and slope as after <see cref="IKernel.Step"/>; else it may have only positions.
    /// </param>
    public static (ChainState Last, Tensor Accepted)? Run(
        IKernel kernel,
        Energy energy,
        ChainState state,
        int steps,
        Rng rng,
        bool continues
    )
    {
        using var scope = NewDisposeScope();
        var x = state.Position;
        if (!Takes(state) || x.numel() == 0 || kernel.Tiled(x) is not { } own || energy.Tiled(x) is not { } target)
            return null;

        var (rows, numbers) = (x.shape[0], (int)(x.numel() / x.shape[0]));
        var carries = continues && own.CarriesEnergy;
        var known = state.Energy is not null && state.Slope is not null;
        var start = new ChainState(
            x.contiguous(),
            known ? state.Energy!.contiguous() : null,
            known ? state.Slope!.contiguous() : null,
            state.Momentum?.contiguous()
        );
        var last = new ChainState(
            empty(x.shape, dtype: float32),
            carries ? empty(rows, dtype: float32) : null,
            carries ? empty(x.shape, dtype: float32) : null,
            own.CarriesMomentum ? empty(x.shape, dtype: float32) : null
        );
        var accepted = empty(rows, dtype: float32);
        long computed;
        var draws = rng.Take((long)own.Draws * steps);
        Vectors.Run(
            new Batch(own, target, new(start, numbers), new(last, numbers), Floats.Of(accepted), &computed, rows, steps, rng.Seed, draws)
        );
        Cost.Rows(computed * rows);
        return (last.MoveOut(), accepted.MoveToOuterDisposeScope());
    }

    static bool Takes(ChainState state) =>
        TiledEnergy.Takes(state.Position)
        && (state.Energy is null || TiledEnergy.Takes(state.Energy))
        && (state.Slope is null || TiledEnergy.Takes(state.Slope))
        && (state.Momentum is null || TiledEnergy.Takes(state.Momentum));

    /// <summary>The memory of a state's tensors; null for those that it does not have.</summary>
    readonly struct Parts(ChainState state, int numbers)
    {
        public readonly int Numbers = numbers;
        public readonly float* Position = Floats.Of(state.Position),
            Energy = Of(state.Energy),
            Slope = Of(state.Slope),
            Momentum = Of(state.Momentum);

        static float* Of(Tensor? part) => part is null ? null : Floats.Of(part);
    }

    readonly struct Batch(
        TiledKernel kernel,
        TiledEnergy target,
        Parts from,
        Parts to,
        float* accepted,
        long* computed,
        long rows,
        int steps,
        ulong seed,
        ulong draws
    ) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var numbers = from.Numbers;
            // Two states, momentum, acceptance, draws, and what kernel and energy need.
            var memory =
                2 * TiledState.Memory(numbers)
                + (numbers + 1) * Tile.Rows
                + Deviates.Memory(numbers)
                + kernel.Memory(numbers)
                + target.Memory;
            Tile.Each(rows, memory, new Steps<T>(kernel, target, from, to, accepted, computed, steps, seed, draws));
        }
    }

    readonly struct Steps<T>(
        TiledKernel kernel,
        TiledEnergy target,
        Parts from,
        Parts to,
        float* accepted,
        long* computed,
        int steps,
        ulong seed,
        ulong draws
    ) : ITileWork
        where T : unmanaged, IVector<T>
    {
        public void Do(long first, int count, float* memory)
        {
            var numbers = from.Numbers;
            float* Part(int floats)
            {
                var part = memory;
                memory += floats;
                return part;
            }
            var ofEnergy = Part(target.Memory);
            var chains = new TiledChains
            {
                State = new(target, ofEnergy, numbers, Part(TiledState.Memory(numbers))),
                Candidate = new(target, ofEnergy, numbers, Part(TiledState.Memory(numbers))),
                Momentum = Part(numbers * Tile.Rows),
                Accepted = Part(Tile.Rows),
                Own = Part(kernel.Memory(numbers)),
                Draws = new(seed, draws, first, numbers, Part(Deviates.Memory(numbers))),
            };
            target.Begin(first, count, ofEnergy);
            kernel.Begin(first, count, chains.Own);
            Begin(ref chains, first, count);

            for (var step = 0; step < steps; step++)
                kernel.Step<T>(ref chains);

            if (first == 0)
                *computed = chains.Computed;
            End(ref chains, first, count);
        }

        void Begin(ref TiledChains chains, long first, int count)
        {
            Tile.Gather(from.Position, first, count, from.Numbers, chains.State.Position);
            new Span<float>(chains.Accepted, Tile.Rows).Clear();
            if (from.Energy != null)
            {
                Tile.Gather(from.Energy, first, count, 1, chains.State.Energy);
                Tile.Gather(from.Slope, first, count, from.Numbers, chains.State.Slope);
                chains.State.HasEnergy = chains.State.HasSlope = true;
            }
            if (from.Momentum != null)
                Tile.Gather(from.Momentum, first, count, from.Numbers, chains.Momentum);
            else
                new Span<float>(chains.Momentum, chains.State.Size).Clear();
        }

        void End(ref TiledChains chains, long first, int count)
        {
            for (var lane = 0; lane < Tile.Rows; lane++)
                chains.Accepted[lane] /= steps;
            Tile.Scatter(chains.Accepted, first, count, 1, accepted);
            Tile.Scatter(chains.State.Position, first, count, to.Numbers, to.Position);
            if (to.Momentum != null)
                Tile.Scatter(chains.Momentum, first, count, to.Numbers, to.Momentum);
            if (to.Energy == null)
                return;
            // A kernel that compares energies alone has no slope yet. The cost was counted with the energy.
            chains.State.Under<T>(withSlope: true);
            Tile.Scatter(chains.State.Energy, first, count, 1, to.Energy);
            Tile.Scatter(chains.State.Slope, first, count, to.Numbers, to.Slope);
        }
    }
}
