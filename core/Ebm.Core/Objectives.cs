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
    public static Tensor NegativeKale(Tensor data, Tensor @base, Tensor logZ) => (data + logZ).mean() + (-@base - logZ).exp().mean() - 1;

    /// <summary>mean E⁺² + mean E⁻²: contrasts cannot see a drift common to both, this can.</summary>
    public static Tensor Magnitude(Tensor positive, Tensor negative) => positive.square().mean() + negative.square().mean();
}
