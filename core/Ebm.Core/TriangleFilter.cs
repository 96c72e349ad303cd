using System.Numerics;

namespace Ebm.Core;

/// <summary>
/// The weights that make a picture smaller or larger along one axis. With scale s, the old pixels in a new one:
/// <code>
/// new(i) = Σ_j w_ij old(j) / Σ_j w_ij,   w_ij = max(0, 1 − |j + ½ − (i + ½) s| / max(s, 1))
/// </code>
/// The triangle grows with the reduction, so fine patterns become grey instead of false patterns (antialiasing), and old pixels outside the picture have no
/// weight. This is what <c>tf.image.resize(antialias=True)</c> computes, with which the code of recovery likelihood makes its images. Results of metrics
/// depend on the filter (Parmar et al. 2022), so data and metrics share it.
/// </summary>
public static class TriangleFilter
{
    /// <summary>The most old pixels in a new one.</summary>
    public static int Most(int length, int newLength) => 2 * (int)Math.Ceiling(Math.Max((double)length / newLength, 1)) + 2;

    /// <summary>The weights of a new pixel, which sum to one: those of the old pixels from First on.</summary>
    /// <param name="pixel">0 … newLength − 1.</param>
    /// <param name="weights">Room for <see cref="Most"/>.</param>
    public static (int First, int Count) Weigh<T>(int pixel, int length, int newLength, Span<T> weights)
        where T : IFloatingPointIeee754<T>
    {
        var scale = (double)length / newLength;
        var (centre, reach) = ((pixel + .5) * scale, Math.Max(scale, 1));
        var first = Math.Max(0, (int)Math.Floor(centre - reach));
        var last = Math.Min(length - 1, (int)Math.Ceiling(centre + reach) - 1);
        var sum = 0.0;
        for (var j = first; j <= last; j++)
            sum += double.CreateTruncating(weights[j - first] = T.CreateTruncating(Math.Max(0, 1 - Math.Abs(j + .5 - centre) / reach)));
        for (var j = first; j <= last; j++)
            weights[j - first] /= T.CreateTruncating(sum);
        return (first, last - first + 1);
    }
}
