using System.Buffers;

namespace Ebm.Data;

/// <summary>Makes a picture smaller or larger by the <see cref="TriangleFilter"/>, first its rows, then its columns.</summary>
static class Resampling
{
    /// <summary>Resamples four bytes a pixel, of which the last is not used.</summary>
    /// <param name="from">(height, width, 4).</param>
    /// <param name="to">(newHeight, newWidth, 4).</param>
    public static void Run(ReadOnlySpan<byte> from, int height, int width, Span<byte> to, int newHeight, int newWidth)
    {
        var rows = ArrayPool<float>.Shared.Rent(3 * height * newWidth);
        var weights = ArrayPool<float>.Shared.Rent(Math.Max(TriangleFilter.Most(width, newWidth), TriangleFilter.Most(height, newHeight)));
        try
        {
            for (var x = 0; x < newWidth; x++)
            {
                var (first, count) = TriangleFilter.Weigh<float>(x, width, newWidth, weights);
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
                var (first, count) = TriangleFilter.Weigh<float>(y, height, newHeight, weights);
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
}
