namespace Ebm.Metrics;

/// <summary>The distance of rows to the nearest of other rows.</summary>
static class NearestRows
{
    // In each part of the other rows, 16 MB of float32.
    const long Numbers = 1 << 22;

    /// <summary>min_j |x_i − y_j|: (n, …), rows of the same size → (n), float64. The other rows are read in parts, so they need not fit in memory.</summary>
    public static Tensor Distances(Tensor rows, Rows among)
    {
        using var scope = NewDisposeScope();
        var nearest = full(rows.shape[0], double.PositiveInfinity, dtype: float64, device: rows.device);
        foreach (var part in among.Chunks(Math.Max(1, Numbers * rows.shape[0] / Math.Max(1, rows.numel()))))
        {
            using var inner = NewDisposeScope();
            using (part)
                nearest.copy_(minimum(nearest, Distances(rows, part)));
            FreedMemory.Return();
        }
        return nearest.MoveToOuterDisposeScope();
    }

    /// <summary>min_j |x_i − y_j|: (n, …), (m, …) → (n), float64.</summary>
    public static Tensor Distances(Tensor rows, Tensor among)
    {
        var others = among.flatten(1).to(float32).to(rows.device);
        // From the centre, because squares of large means would cancel in float32.
        var centre = others.mean([0]);
        var squares = Chunked.Map(some => (some - centre).square().sum(1), others).to(float32);
        return Chunked.Map(
            some =>
            {
                var x = some.flatten(1).to(float32);
                var nearest = others.index_select(0, addmm(squares, x - centre, others.t(), beta: 1, alpha: -2).argmin(1));
                // Again from the differences: for a copied row the difference of squares would not be 0.
                return (x - nearest).to(float64).square().sum(dim: 1).sqrt();
            },
            rows
        );
    }
}
