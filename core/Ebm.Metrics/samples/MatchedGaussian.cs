namespace Ebm.Metrics;

/// <summary>
/// N(m, AAᵀ) with the mean and covariance of the training rows, A = directions · √spread: a baseline that models should beat, and the start of
/// annealing. In float64.
/// </summary>
/// <param name="Mean">(d).</param>
/// <param name="Factor">A: (d, d), with orthogonal columns, the longest last.</param>
sealed record MatchedGaussian(Tensor Mean, Tensor Factor)
{
    const long Most = 10_000;

    // Up to a thousand numbers in a row, all rows are one chunk.
    const long ChunkNumbers = 1024 * Most;

    // Above this dimension, draws are faster without the factor.
    const long WidestFactor = 1024;

    /// <param name="floor">Variances are at least this share of the largest; 0 leaves a singular covariance singular.</param>
    public static MatchedGaussian To(IDataset data, double floor = 0)
    {
        using var scope = NewDisposeScope();
        var mean = MeanOf(data);
        var products = Sum(
            data,
            (rows, _) =>
            {
                rows.sub_(mean);
                return rows.t().matmul(rows);
            }
        );
        var (spread, directions) = linalg.eigh(products / (Count(data) - 1));
        return new(
            mean.MoveToOuterDisposeScope(),
            (directions * maximum(spread, floor * spread.max()).clamp(min: 0).sqrt()).MoveToOuterDisposeScope()
        );
    }

    /// <summary>
    /// Draws of the Gaussian of data: (count, d). In many dimensions without A, because n rows x_i are a factor of their covariance as well:
    /// <code>m + Σ_i z_i (x_i − m) / √(n − 1),   z ~ N(0, I)</code>
    /// </summary>
    public static Tensor Draw(IDataset data, long count, Rng rng)
    {
        using var scope = NewDisposeScope();
        if (data.Shape.Size() <= WidestFactor)
            return To(data).Draw(count, rng).MoveToOuterDisposeScope();
        var mean = MeanOf(data);
        var drawn = Sum(
            data,
            (rows, from) => rng.Stream(from).Normal(count, rows.shape[0]).to(float64).to(rows.device).matmul(rows.sub_(mean))
        );
        return (mean + drawn / Math.Sqrt(Count(data) - 1)).MoveToOuterDisposeScope();
    }

    /// <summary>m + Aξ: (count, d).</summary>
    public Tensor Draw(long count, Rng rng) => From(rng.Normal(count, Mean.shape[0]).to(float64).to(Mean.device));

    /// <summary>m + Az: (B, d), (B, d).</summary>
    public Tensor From(Tensor z) => Mean.to(z.dtype) + z.matmul(Factor.t().to(z.dtype));

    /// <summary>The z of a row: (B, …) → (B, d).</summary>
    public Tensor Whitened(Tensor x) => (x.flatten(1).to(float64) - Mean).matmul(Factor / Factor.square().sum(dim: 0));

    /// <summary>log |det A|.</summary>
    public double LogVolume => Factor.square().sum(dim: 0).log().sum().item<double>() / 2;

    /// <summary>log ∫ exp(−|z|²/2) dx = log |det A| + ½ d log 2π.</summary>
    public double LogNormaliser => LogVolume + Mean.shape[0] * Math.Log(2 * Math.PI) / 2;

    // ── the first training rows, in chunks ────────────────────────────────────────────────────

    static long Count(IDataset data) => Math.Min(Most, data.TrainRows.Count);

    static Tensor MeanOf(IDataset data) => Sum(data, (rows, _) => rows.sum(dim: 0)) / Count(data);

    /// <param name="part">Rows (B, d) float64, which it may change, and the place of the first one → a summand.</param>
    static Tensor Sum(IDataset data, Func<Tensor, long, Tensor> part)
    {
        var (size, count) = (Math.Max(1, ChunkNumbers / data.Shape.Size()), Count(data));
        Tensor? sum = null;
        for (long from = 0; from < count; from += size)
        {
            using var inner = NewDisposeScope();
            var read = data.TrainRows.Range(from, Math.Min(size, count - from));
            var rows = read.to(float64, copy: true).flatten(1);
            read.Dispose();
            var here = part(rows, from);
            sum = (sum is null ? here : sum + here).MoveToOuterDisposeScope();
            FreedMemory.Return();
        }
        return sum!;
    }
}
