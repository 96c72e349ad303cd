namespace Ebm.Metrics;

/// <summary>The distance of rows to the nearest of other rows.</summary>
static class NearestRows
{
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
