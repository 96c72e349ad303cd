namespace Ebm.Nets;

/// <summary>The way from a small side to an image's by doubling.</summary>
static class Doubling
{
    /// <summary>The side to start from: the image's, divided by 2 so often, rounded up.</summary>
    /// <exception cref="SettingException">The rows are not square images.</exception>
    public static long Start(string setting, string kind, long[] image, int times) =>
        ResidualTrunk.Takes(image)
            ? (image[1] + (1L << times) - 1) >> times
            : throw new SettingException(
                setting,
                $"{kind} needs {ResidualTrunk.Needed}; these rows have shape ({string.Join(", ", image)})"
            );

    /// <summary>Each pixel four times: (B, C, H, W) → (B, C, 2H, 2W).</summary>
    public static Tensor Of(Tensor h) => nn.functional.interpolate(h, scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest);

    /// <summary>The middle of a larger image: (B, C, ≥ H, ≥ W) → (B, C, H, W).</summary>
    public static Tensor Cut(Tensor x, long[] image)
    {
        var side = image[1];
        var from = (x.shape[2] - side) / 2;
        return from == 0 && x.shape[2] == side ? x : x.narrow(2, from, side).narrow(3, from, side);
    }
}
