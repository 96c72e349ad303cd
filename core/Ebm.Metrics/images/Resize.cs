namespace Ebm.Metrics;

/// <summary>
/// Resizes images by the triangle filter, widened for a smaller side, so that it averages what would otherwise alias: each new pixel is a weighted mean of
/// the old ones within one old or new pixel's width of its centre. Results of metrics depend on the filter (Parmar et al. 2022), so it is written out
/// here, and part of a metric's version.
/// </summary>
public static class Resize
{
    /// <param name="images">(B, C, H, W), floating point.</param>
    /// <returns>(B, C, side, side).</returns>
    public static Tensor To(Tensor images, long side) =>
        Weights(images.shape[2], side).to(images).matmul(images).matmul(Weights(images.shape[3], side).to(images).t());

    /// <summary>(to, from); rows sum to one.</summary>
    static Tensor Weights(long from, long to)
    {
        var (scale, support) = ((double)from / to, Math.Max(1.0, (double)from / to));
        var centres = (arange(to, dtype: float64) + .5) * scale - .5;
        var apart = (centres.unsqueeze(1) - arange(from, dtype: float64)).abs() / support;
        var weights = (1 - apart).clamp(min: 0);
        return weights / weights.sum(1, keepdim: true);
    }
}
