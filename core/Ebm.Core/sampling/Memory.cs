using System.Runtime.InteropServices;

namespace Ebm.Core;

/// <summary>
/// Persistent chains with their levels, in registered buffers, so that checkpoints contain them. Each rank moves its own share of the slots.
/// </summary>
public sealed class Memory : nn.Module
{
    readonly Tensor points,
        levels;
    readonly Ranks ranks = Ranks.Here;
    readonly long own;

    /// <param name="points">Where the chains start: (N, …).</param>
    /// <param name="levels">(N) int64.</param>
    /// <exception cref="SettingException">N is not a multiple of the number of ranks.</exception>
    public Memory(Tensor points, Tensor levels)
        : base(nameof(Memory))
    {
        this.points = points;
        this.levels = levels;
        own = points.shape[0] / ranks.Count;
        if (own * ranks.Count != points.shape[0])
            throw new SettingException("memory", $"is {points.shape[0]}; it must be a multiple of train.ranks, which is {ranks.Count}");
        register_buffer("points", points);
        register_buffer("levels", levels);
    }

    /// <summary>(N, …).</summary>
    public Tensor Points => points;

    /// <summary>Takes the chains that other ranks have moved. All ranks call it together.</summary>
    public void Collect()
    {
        if (ranks.Count == 1)
            return;
        using var free = no_grad();
        using var scope = NewDisposeScope();
        foreach (var buffer in new[] { points, levels })
            buffer.copy_(ranks.Rows(buffer.narrow(0, ranks.Rank * own, own)));
    }

    /// <summary>Distinct chains of this rank at random, and their slots: (count, …), (count), (count).</summary>
    /// <exception cref="SettingException">The memory has fewer than count chains.</exception>
    public (Tensor Points, Tensor Levels, Tensor Slots) Draw(long count, Rng rng)
    {
        if (count > own)
            throw new SettingException(
                "memory",
                $"is {points.shape[0]}, but a step draws {count * ranks.Count} different chains from it; set it to {count * ranks.Count} or more"
            );
        var slots = Slots(count, rng);
        return (points.index_select(0, slots), levels.index_select(0, slots), slots);
    }

    // A permutation of all slots is uniform, and so are the first distinct ones of draws with repetition, which cost less in a large memory.
    Tensor Slots(long count, Rng rng)
    {
        var first = ranks.Rank * own;
        if (count > 0 && count < own / 4 && points.device_type == DeviceType.CPU)
        {
            var (seen, slots) = (new HashSet<long>(), new List<long>());
            using var drawn = rng.Integers(own, 2 * count);
            foreach (var slot in MemoryMarshal.Cast<byte, long>(drawn.bytes))
                if (seen.Add(slot))
                    slots.Add(first + slot);
            if (slots.Count >= count)
                return tensor(slots.GetRange(0, (int)count));
        }
        return rng.Permutation(own).narrow(0, 0, count) + first;
    }

    /// <summary>The start of a batch of chains: given rows, then chains from memory, some of which restart.</summary>
    /// <param name="given">Rows that start elsewhere, at data or at decoded codes, (n, …), with their levels, (n) int64.</param>
    /// <param name="count">Chains in all, at least n.</param>
    /// <param name="anew">A chain from memory restarts with probability anew / of.</param>
    /// <param name="fresh">Makes new rows for restarts, as many as its argument has: (m, …) → (m, …).</param>
    /// <param name="top">The level of restarts; null: that of the chain that restarts.</param>
    /// <returns>Rows, (count, …), levels, (count), and the slots of the chains from memory, which are the last rows.</returns>
    public (Tensor X, Tensor Level, Tensor Slots) Begin(
        Tensor given,
        Tensor at,
        long count,
        double anew,
        double of,
        Func<Tensor, Tensor> fresh,
        int? top,
        Rng rng
    )
    {
        var (x, level, slots) = Draw(count - given.shape[0], rng);
        var begins = rng.UniformLike(x.Flat()[.., 0]) * of < anew;
        var started = top is { } restart ? where(begins, full_like(level, restart), level) : level;
        return (cat([given, where(begins.PerRow(x), fresh(x), x)]), cat([at, started]), slots);
    }

    /// <summary>
    /// Stores the last chains of a batch. The chains that started from given rows come first and are not stored; otherwise memory would contain
    /// only chains that are still close to the data.
    /// </summary>
    /// <param name="slots">(n) int64, distinct.</param>
    /// <param name="chains">At least n: (B, …).</param>
    /// <param name="at">Their levels: (B) int64.</param>
    public void Store(Tensor slots, Tensor chains, Tensor at)
    {
        using var free = no_grad();
        var (first, count) = (chains.shape[0] - slots.shape[0], slots.shape[0]);
        points.index_copy_(0, slots, chains.narrow(0, first, count).detach());
        levels.index_copy_(0, slots, at.narrow(0, first, count).detach());
    }
}
