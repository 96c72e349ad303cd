namespace Ebm.Core;

/// <summary>
/// The Gaussian with the mean and covariance of all rows seen so far. With enough noise it approximates the top level of a ladder, N(signal μ,
/// signal² Σ + noise² I), and has exact draws and an exact normaliser. Its buffers are registered, for checkpoints, and double, to avoid rounding
/// errors over a million rows. Before the first row it is N(0, I).
/// </summary>
public sealed class RunningGaussian : nn.Module
{
    readonly Tensor count,
        mean,
        covariance;

    /// <param name="size">Numbers in one row; memory grows with its square.</param>
    public RunningGaussian(long size, Device device)
        : base(nameof(RunningGaussian))
    {
        count = zeros(1, dtype: float64, device: device);
        mean = zeros(size, dtype: float64, device: device);
        covariance = eye(size, dtype: float64, device: device);
        register_buffer("count", count);
        register_buffer("mean", mean);
        register_buffer("covariance", covariance);
    }

    /// <summary>Updates the moments with rows: (B, …), B at least 1.</summary>
    public void Learn(Tensor rows)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var x = rows.Flat().to(float64);
        var all = count + x.shape[0];
        var (known, share) = (count / all, x.shape[0] / all);
        var apart = x.mean([0]) - mean;
        var centred = x - x.mean([0]);
        // Chan's formula: the covariances within both samples, and the term of the distance between their means.
        covariance.copy_(covariance * known + centred.t().matmul(centred) / all + known * share * outer(apart, apart));
        mean.add_(share * apart);
        count.copy_(all);
    }

    /// <summary>Maps standard normal rows to rows of N(signal μ, signal² Σ + noise² I): (B, …) → (B, …).</summary>
    /// <param name="signal">A scalar tensor.</param>
    /// <param name="noise">A scalar tensor, positive.</param>
    public Tensor Push(Tensor xi, Tensor signal, Tensor noise) =>
        (signal * mean + xi.Flat().to(float64).matmul(Factor(signal, noise).t())).to(xi.dtype).reshape(xi.shape);

    /// <summary>−log N(x; signal μ, signal² Σ + noise² I) in nats: (B, …) → (B).</summary>
    public Energy Energy(Tensor signal, Tensor noise) =>
        new(x =>
        {
            var factor = Factor(signal, noise);
            var white = linalg.solve_triangular(factor, (x.Flat().to(float64) - signal * mean).t(), upper: false);
            var e = white.square().sum(dim: 0) / 2 + factor.diagonal().log().sum() + mean.shape[0] * Math.Log(2 * Math.PI) / 2;
            return e.to(x.dtype);
        });

    /// <summary>The lower Cholesky factor of the covariance at a level.</summary>
    Tensor Factor(Tensor signal, Tensor noise) =>
        linalg.cholesky(signal.square() * covariance + noise.square() * eye(mean.shape[0], dtype: float64, device: mean.device));
}
