namespace Ebm.Core;

/// <summary>
/// Annealed generation: rows of a ladder's noisiest level are walked down its levels, one after the other, to level 0, the data's.
/// </summary>
public static class Descent
{
    /// <param name="from">The first level to walk at.</param>
    /// <param name="top">Rows above it: (B, …).</param>
    /// <param name="walk">From a level and rows to rows of that level.</param>
    /// <returns>Rows of level 0.</returns>
    public static Tensor Run(int from, Tensor top, Func<int, Tensor, Tensor> walk) =>
        Chain.Repeat(from + 1, top, (i, x) => walk(from - i, x));

    /// <summary>The same, with the rows of every level on the way.</summary>
    /// <param name="levels">How many levels the ladder has.</param>
    /// <returns>Level 0 first; last the rows of the top as they are.</returns>
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
