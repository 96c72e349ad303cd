using System.Buffers;

namespace Ebm.Data;

/// <summary>
/// Makes a picture smaller or larger, first its rows, then its columns. With scale s, the old pixels in a new one:
/// <code>
/// new(i) = Σ_j w_ij old(j) / Σ_j w_ij,   w_ij = max(0, 1 − |j + ½ − (i + ½) s| / max(s, 1))
/// </code>
/// The triangle grows with the reduction, so fine patterns become grey instead of false patterns (antialiasing), and old pixels outside the picture have no
/// weight. This is what <c>tf.image.resize(antialias=True)</c> computes, with which the code of recovery likelihood makes its images.
/// </summary>
static class Resampling
{
    /// <summary>Resamples four bytes a pixel, of which the last is not used.</summary>
    /// <param name="from">(height, width, 4).</param>
    /// <param name="to">(newHeight, newWidth, 4).</param>
    public static void Run(ReadOnlySpan<byte> from, int height, int width, Span<byte> to, int newHeight, int newWidth)
    {
        var rows = ArrayPool<float>.Shared.Rent(3 * height * newWidth);
        var weights = ArrayPool<float>.Shared.Rent(2 * Math.Max(Reach(width, newWidth), Reach(height, newHeight)) + 2);
        try
        {
            for (var x = 0; x < newWidth; x++)
            {
                var (first, count) = Weigh(x, width, newWidth, weights);
                for (var y = 0; y < height; y++)
                {
                    float red = 0,
                        green = 0,
                        blue = 0;
                    var at = 4 * (y * width + first);
                    for (var j = 0; j < count; j++, at += 4)
                    {
                        red += weights[j] * from[at];
                        green += weights[j] * from[at + 1];
                        blue += weights[j] * from[at + 2];
                    }
                    var into = 3 * (y * newWidth + x);
                    (rows[into], rows[into + 1], rows[into + 2]) = (red, green, blue);
                }
            }
            for (var y = 0; y < newHeight; y++)
            {
                var (first, count) = Weigh(y, height, newHeight, weights);
                for (var x = 0; x < newWidth; x++)
                for (var channel = 0; channel < 3; channel++)
                {
                    var sum = 0f;
                    for (var j = 0; j < count; j++)
                        sum += weights[j] * rows[3 * ((first + j) * newWidth + x) + channel];
                    to[4 * (y * newWidth + x) + channel] = (byte)Math.Clamp(MathF.Round(sum), 0, 255);
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rows);
            ArrayPool<float>.Shared.Return(weights);
        }
    }

    /// <summary>The old pixels on each side that a new one can reach.</summary>
    static int Reach(int length, int newLength) => (int)Math.Ceiling(Math.Max((double)length / newLength, 1));

    /// <summary>The weights of a new pixel, which sum to one.</summary>
    static (int First, int Count) Weigh(int pixel, int length, int newLength, float[] weights)
    {
        var scale = (double)length / newLength;
        var (centre, reach) = ((pixel + .5) * scale, Math.Max(scale, 1));
        var first = Math.Max(0, (int)Math.Floor(centre - reach));
        var last = Math.Min(length - 1, (int)Math.Ceiling(centre + reach) - 1);
        var sum = 0.0;
        for (var j = first; j <= last; j++)
            sum += weights[j - first] = (float)Math.Max(0, 1 - Math.Abs(j + .5 - centre) / reach);
        for (var j = first; j <= last; j++)
            weights[j - first] /= (float)sum;
        return (first, last - first + 1);
    }
}
