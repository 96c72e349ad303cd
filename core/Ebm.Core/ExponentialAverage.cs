using System.Numerics;
using System.Runtime.InteropServices;

namespace Ebm.Core;

/// <summary>
/// The exponential moving average of weights that change, ā ← ā + (1 − d)(a − ā). Early on d is (1 + n)/(10 + n), so that the average forgets the
/// first weights.
/// </summary>
public static class ExponentialAverage
{
    /// <summary>Updates averages after the n-th change of the weights, counted from one.</summary>
    /// <param name="weights">Average and present value of each weight tensor, of one shape and dtype.</param>
    /// <param name="decay">The highest d.</param>
    public static void Follow(IEnumerable<(Tensor Mean, Tensor Raw)> weights, double decay, long n)
    {
        using var free = no_grad();
        var pull = 1 - Math.Min(decay, (1.0 + n) / (10 + n));
        foreach (var (mean, raw) in weights)
            if (PlainMemory.Has(mean) && PlainMemory.Has(raw))
                Follow(PlainMemory.Written(mean), PlainMemory.Of(raw), (float)pull);
            else
                mean.lerp_(raw, pull);
    }

    // Each operation is rounded by itself, so the vectors' width changes no bit.
    static void Follow(Span<float> mean, ReadOnlySpan<float> raw, float pull)
    {
        var means = MemoryMarshal.Cast<float, Vector<float>>(mean);
        var raws = MemoryMarshal.Cast<float, Vector<float>>(raw);
        for (var i = 0; i < means.Length; i++)
            means[i] += (raws[i] - means[i]) * pull;
        for (var i = means.Length * Vector<float>.Count; i < mean.Length; i++)
            mean[i] += (raw[i] - mean[i]) * pull;
    }
}
