namespace Ebm.Core;

/// <summary>
/// Annealed generation: moves rows from the noisiest level of a ladder down level by level to level 0, the data's.
/// </summary>
public static class Descent
{
    /// <param name="from">The first level with a walk.</param>
    /// <param name="top">Rows of the level above it: (B, …).</param>
    /// <param name="walk">Maps a level and rows to rows of that level.</param>
    /// <returns>Rows of level 0.</returns>
    public static Tensor Run(int from, Tensor top, Func<int, Tensor, Tensor> walk) =>
        Chain.Repeat(from + 1, top, (i, x) => walk(from - i, x));

    /// <summary>The same, but returns the rows of every level.</summary>
    /// <param name="levels">The number of levels of the ladder.</param>
    /// <returns>Rows by level, level 0 first; the last entry is <paramref name="top"/> unchanged.</returns>
    public static IReadOnlyList<Tensor> Visit(int levels, int from, Tensor top, Func<int, Tensor, Tensor> walk)
    {
        var rows = new Tensor[levels];
        rows[^1] = top;
        Run(
            from,
            top,
            (level, x) =>
            {
                var there = walk(level, x);
                if (level < levels - 1)
                    rows[level] = there.clone().MoveToOuterDisposeScope();
                return there;
            }
        );
        return rows;
    }
}
