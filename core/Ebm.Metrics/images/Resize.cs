namespace Ebm.Metrics;

/// <summary>Resizes images by the <see cref="TriangleFilter"/>. The filter is part of a metric's version.</summary>
public static class Resize
{
    /// <param name="images">(B, C, H, W), floating point.</param>
    /// <returns>(B, C, side, side).</returns>
    public static Tensor To(Tensor images, long side) =>
        Weights((int)images.shape[2], (int)side).to(images).matmul(images).matmul(Weights((int)images.shape[3], (int)side).to(images).t());

    /// <summary>(to, from); rows sum to one.</summary>
    static Tensor Weights(int from, int to)
    {
        var (all, some) = (new double[to * from], new double[TriangleFilter.Most(from, to)]);
        for (var pixel = 0; pixel < to; pixel++)
        {
            var (first, count) = TriangleFilter.Weigh<double>(pixel, from, to, some);
            some.AsSpan(0, count).CopyTo(all.AsSpan(pixel * from + first));
        }
        return tensor(all).reshape(to, from);
    }
}
