namespace Ebm.Core;

/// <summary>Persistent chains with their levels; registered buffers, so that a checkpoint has them.</summary>
public sealed class Memory : nn.Module
{
    readonly Tensor points,
        levels;

    /// <param name="points">Where the chains start: (N, …).</param>
    /// <param name="levels">(N) int64.</param>
    public Memory(Tensor points, Tensor levels)
        : base(nameof(Memory))
    {
        this.points = points;
        this.levels = levels;
        register_buffer("points", points);
        register_buffer("levels", levels);
    }

    /// <summary>(N, …).</summary>
    public Tensor Points => points;

    /// <summary>Distinct chains at random, and the slots they came from: (count, …), (count), (count).</summary>
    /// <exception cref="SettingException">There are not so many.</exception>
    public (Tensor Points, Tensor Levels, Tensor Slots) Draw(long count, Rng rng)
    {
        if (count > points.shape[0])
            throw new SettingException(
                "memory",
                $"is {points.shape[0]}, and a step draws {count} different chains from it; write {count} or more"
            );
        var slots = rng.Permutation(points.shape[0]).narrow(0, 0, count);
        return (points.index_select(0, slots), levels.index_select(0, slots), slots);
    }

    /// <summary>Puts chains back.</summary>
    /// <param name="slots">(n) int64, distinct.</param>
    public void Store(Tensor slots, Tensor chains, Tensor at)
    {
        using var free = no_grad();
        points.index_copy_(0, slots, chains.detach());
        levels.index_copy_(0, slots, at.detach());
    }
}
