namespace Ebm.Metrics;

/// <summary>
/// N(m, AAᵀ) with the mean and covariance of the training rows, A = directions · √spread: a baseline that models should beat, and the start of
/// annealing. In float64.
/// </summary>
/// <param name="Mean">(d).</param>
/// <param name="Factor">A: (d, d), with orthogonal columns, the longest last.</param>
sealed record MatchedGaussian(Tensor Mean, Tensor Factor)
{
    const long Rows = 10_000;

    /// <param name="floor">Variances are at least this share of the largest; 0 leaves a singular covariance singular.</param>
    public static MatchedGaussian To(IDataset data, double floor = 0)
    {
        var rows = data.TrainRows.Range(0, Math.Min(Rows, data.TrainRows.Count)).to(float64).flatten(1);
        var mean = rows.mean([0]);
        var centred = rows - mean;
        var (spread, directions) = linalg.eigh(centred.t().matmul(centred) / (rows.shape[0] - 1));
        return new(mean, directions * maximum(spread, floor * spread.max()).clamp(min: 0).sqrt());
    }

    /// <summary>m + Aξ: (count, d).</summary>
    public Tensor Draw(long count, Rng rng) => From(rng.Normal(count, Mean.shape[0]).to(float64).to(Mean.device));

    /// <summary>m + Az: (B, d), (B, d).</summary>
    public Tensor From(Tensor z) => Mean.to(z.dtype) + z.matmul(Factor.t().to(z.dtype));

    /// <summary>The z of a row: (B, …) → (B, d).</summary>
    public Tensor Whitened(Tensor x) => (x.flatten(1).to(float64) - Mean).matmul(Factor / Factor.square().sum(dim: 0));

    /// <summary>log |det A|.</summary>
    public double LogVolume => Factor.square().sum(dim: 0).log().sum().item<double>() / 2;
}
