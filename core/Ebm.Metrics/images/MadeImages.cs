namespace Ebm.Metrics;

/// <summary>Images made of test rows or of nothing, to ask whether an energy tells them from test rows.</summary>
public enum MadeImages
{
    /// <summary>Each channel has one value, uniform on [−1, 1].</summary>
    Constant,

    /// <summary>Every pixel is uniform on [−1, 1].</summary>
    Noise,

    /// <summary>Test rows, each pixel replaced by the mean of the 3 × 3 around it.</summary>
    Blur,

    /// <summary>The means of two test rows: they have less contrast than either.</summary>
    Interpolation,
}

static class MakingImages
{
    /// <param name="rows">(n, C, H, W), test rows.</param>
    /// <returns>(n, C, H, W).</returns>
    public static Tensor From(this MadeImages made, Tensor rows, Rng rng)
    {
        Tensor Uniform(params long[] shape) => (2 * rng.Uniform(shape).to(rows.device) - 1).to(rows.dtype);
        switch (made)
        {
            case MadeImages.Constant:
                return Uniform(rows.shape[0], rows.shape[1], 1, 1).expand(rows.shape);
            case MadeImages.Noise:
                return Uniform(rows.shape);
            case MadeImages.Blur:
                return nn.functional.avg_pool2d(nn.functional.pad(rows, [1, 1, 1, 1], mode: PaddingModes.Replicate), 3, stride: 1);
            case MadeImages.Interpolation:
                // Each row with the next one of a random order, so that no row is its own partner.
                var shuffled = rows.index_select(0, rng.Permutation(rows.shape[0]).to(rows.device));
                return (shuffled + shuffled.roll(1, 0)) / 2;
            default:
                throw new ArgumentOutOfRangeException(nameof(made), made, "unknown");
        }
    }
}
