namespace Ebm.Core;

/// <summary>Functions of energies: no networks, no sampling, no state. All take one energy per row, (B), and give a scalar.</summary>
public static class Objectives
{
    /// <summary>
    /// mean E⁺ − mean E⁻: its gradient is the maximum-likelihood gradient where the negatives are the model's own samples. Its value
    /// measures nothing.
    /// </summary>
    public static Tensor Contrast(Tensor positive, Tensor negative) => positive.mean() - negative.mean();

    /// <summary>
    /// The negative of KALE in its Fenchel form, mean(E⁺ + c) + mean exp(−E⁻ − c) − 1 (Arbel, Zhou, Gretton 2021): at its least over
    /// E and c it is −KL(data ‖ base).
    /// </summary>
    /// <param name="data">E on data.</param>
    /// <param name="base">E on rows of the base.</param>
    /// <param name="logZ">c, a scalar; log mean exp(−E) over the base at the optimum.</param>
    /// <remarks>
    /// In log space. Early on exp(−E − c) can leave the range of floats, so from an exponent of 30 on the exponential goes on as its tangent:
    /// the gradient still raises c, where a mere cut would let it fall for ever.
    /// </remarks>
    public static Tensor NegativeKale(Tensor data, Tensor @base, Tensor logZ)
    {
        var exponent = LogMeanExp(-@base) - logZ;
        var cut = exponent.clamp(max: 30);
        return (data + logZ).mean() + (cut.exp() * (1 + exponent - cut)).mean() - 1;
    }

    /// <summary>
    /// −mean E⁺ − log mean exp(−E⁻), Donsker and Varadhan's lower bound of KL(data ‖ base): the Fenchel form at its best c. In a batch the
    /// logarithm of the mean is below that of the expectation, by half the relative variance of the mean.
    /// </summary>
    /// <param name="data">E on data.</param>
    /// <param name="base">E on rows of the base.</param>
    public static Tensor DonskerVaradhan(Tensor data, Tensor @base) => -data.mean() - LogMeanExp(-@base);

    /// <summary>log mean exp(x), (B) → a scalar.</summary>
    public static Tensor LogMeanExp(Tensor x) => x.logsumexp(0) - Math.Log(x.shape[0]);

    /// <summary>Mean |∇E|² at a random place on the way from each row to another: the zero-centred gradient penalty, with its graph.</summary>
    /// <param name="from">(B, …).</param>
    /// <param name="to">As many.</param>
    public static Tensor Steepness(Energy energy, Tensor from, Tensor to, Rng rng)
    {
        var share = rng.UniformLike(from.Flat()[.., 0]).PerRow(from);
        return energy.Score(share * from + (1 - share) * to).square().SumPerRow().mean();
    }

    /// <summary>mean E⁺² + mean E⁻²: contrasts cannot see a drift common to both, this can.</summary>
    public static Tensor Magnitude(Tensor positive, Tensor negative) => positive.square().mean() + negative.square().mean();
}
