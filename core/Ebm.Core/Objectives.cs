namespace Ebm.Core;

/// <summary>Objectives as functions of energies, without networks, sampling or state. Each takes one energy per row, (B), and returns a
/// scalar.</summary>
public static class Objectives
{
    /// <summary>
    /// mean E⁺ − mean E⁻: its gradient is the maximum-likelihood gradient if the negatives are samples of the model. Its value is not a measure of
    /// fit.
    /// </summary>
    public static Tensor Contrast(Tensor positive, Tensor negative) => positive.mean() - negative.mean();

    /// <summary>The energies without the highest, of which this share is left out, rounded down: (B) → (B − ⌊share · B⌋), in any order.</summary>
    public static Tensor Trimmed(Tensor energies, double share)
    {
        var count = energies.shape[0];
        var kept = count - (long)Math.Floor(share * count);
        return kept == count ? energies : energies.topk((int)kept, largest: false, sorted: false).values;
    }

    /// <summary>
    /// The negative of KALE in its Fenchel form, mean(E⁺ + c) + mean exp(−E⁻ − c) − 1 (Arbel, Zhou, Gretton 2021). Its minimum over all E and c is
    /// −KL(data ‖ base).
    /// </summary>
    /// <param name="data">E on data.</param>
    /// <param name="base">E on rows of the base.</param>
    /// <param name="logZ">c, a scalar; log mean exp(−E) over the base at the optimum.</param>
    /// <remarks>
    /// Computed in log space. exp(−E − c) can overflow early in training, so above an exponent of 30 its tangent replaces it: unlike with clamping,
    /// the gradient still raises c.
    /// </remarks>
    public static Tensor NegativeKale(Tensor data, Tensor @base, Tensor logZ)
    {
        var exponent = LogMeanExp(-@base) - logZ;
        var cut = exponent.clamp(max: 30);
        return (data + logZ).mean() + (cut.exp() * (1 + exponent - cut)).mean() - 1;
    }

    /// <summary>
    /// −mean E⁺ − log mean exp(−E⁻), Donsker and Varadhan's lower bound of KL(data ‖ base): the Fenchel form at its best c. In a batch, the
    /// logarithm of the mean is too low by about half the relative variance of the mean.
    /// </summary>
    /// <param name="data">E on data.</param>
    /// <param name="base">E on rows of the base.</param>
    public static Tensor DonskerVaradhan(Tensor data, Tensor @base) => -data.mean() - LogMeanExp(-@base);

    /// <summary>log mean exp(x) over the rows of all ranks, (B) → a scalar.</summary>
    public static Tensor LogMeanExp(Tensor x) => Ranks.Here.LogMeanExp(x);

    /// <summary>Mean |∇E|² at a random point between each row and its counterpart: the zero-centred gradient penalty, with a graph.</summary>
    /// <param name="from">(B, …).</param>
    /// <param name="to">As many rows.</param>
    public static Tensor Steepness(Energy energy, Tensor from, Tensor to, Rng rng)
    {
        var share = rng.UniformLike(from.Flat()[.., 0]).PerRow(from);
        return energy.Score(share * from + (1 - share) * to).square().SumPerRow().mean();
    }

    /// <summary>mean E⁺² + mean E⁻²: penalises a common drift of all energies, which contrasts do not change.</summary>
    public static Tensor Magnitude(Tensor positive, Tensor negative) => positive.square().mean() + negative.square().mean();
}
