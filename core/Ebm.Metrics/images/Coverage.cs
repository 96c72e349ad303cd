namespace Ebm.Metrics;

/// <summary>
/// The share of rows that are inside the estimated support of others (Kynkäänniemi et al. 2019): within the distance of some row of these to its k-th
/// nearest neighbour among them. Precision is the share of samples inside the real rows' support, recall that of real rows inside the samples'.
/// </summary>
public static class Coverage
{
    /// <param name="rows">(n, d).</param>
    /// <param name="others">(m, d), m &gt; k.</param>
    /// <param name="k">Neighbours; the paper uses 3.</param>
    /// <returns>The share, and its standard error for a given support.</returns>
    public static (double Share, double Se) Of(Tensor rows, Tensor others, int k)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (x, y) = (rows.to(float64), others.to(float64));
        // A row is its own nearest neighbour, at distance 0.
        var radii = Chunked.Map(some => Discrepancy.Squares(some, y).kthvalue(k + 1, 1).values, y);
        var share = Chunked.Map(some => (Discrepancy.Squares(some, y) <= radii).any(1), x).mean().item<double>();
        return (share, Math.Sqrt(share * (1 - share) / x.shape[0]));
    }
}
