namespace Ebm.Core;

/// <summary>
/// Systematic draws: one uniform number u and evenly spaced marks, so that outcome k comes ⌊n p_k⌋ or ⌈n p_k⌉ times in n draws, n p_k on average. The counts
/// vary less than those of independent draws. Source: Kitagawa, "Monte Carlo filter and smoother" (1996).
/// </summary>
public static class Systematic
{
    /// <param name="probabilities">p, (K), which sums to 1.</param>
    /// <param name="count">n.</param>
    /// <returns>Outcomes in increasing order: (n) int64.</returns>
    public static Tensor Draw(Tensor probabilities, long count, Rng rng)
    {
        using var scope = NewDisposeScope();
        var marks = (arange(count, dtype: float64, device: probabilities.device) + rng.Uniform(1).to(float64)) / count;
        var last = probabilities.shape[0] - 1;
        return searchsorted(probabilities.to(float64).cumsum(0), marks, right: true).clamp(max: last).MoveToOuterDisposeScope();
    }

    /// <summary>Rows of one density become rows of another: each row comes as often as its weight says, and none is moved.</summary>
    /// <param name="rows">(n, …).</param>
    /// <param name="logWeights">log of the ratio of the densities, up to a constant: (n), not all −∞.</param>
    /// <returns>(n, …).</returns>
    public static Tensor Resample(Tensor rows, Tensor logWeights, Rng rng) =>
        rows.index_select(0, Draw(logWeights.to(float64).softmax(0), rows.shape[0], rng));
}
