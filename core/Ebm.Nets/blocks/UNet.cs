namespace Ebm.Nets;

/// <summary>
/// A U-Net of residual blocks, without normalisation:
/// <code>
/// image                              C × H × W
/// conv 3×3                           w
/// scale k = 0 … K−1, down            n residual blocks of w mₖ channels; their output is kept
///   between scales                   2×2 average pooling
/// scale k = K−1 … 0, up              joined with what was kept, n residual blocks of w mₖ channels
///   between scales                   nearest pixels doubled
/// activation, conv 3×3               C
/// </code>
/// </summary>
sealed class UNet : nn.Module
{
    readonly NormedLayer stem,
        last;
    readonly ResidualBlock[][] down,
        up;
    readonly Activation activation;
    readonly bool skips;

    /// <param name="setting">The setting to name in errors.</param>
    /// <param name="kind">The net's kind, for errors.</param>
    /// <param name="image">(C, H, W).</param>
    /// <param name="planes">Input planes in addition to the image's channels.</param>
    /// <param name="embedding">Numbers of the embedding that the blocks are told; 0: none.</param>
    /// <param name="skips">Whether the way up sees what the way down kept at the scales above the last.</param>
    /// <exception cref="SettingException">The rows are not square images whose side can be halved between all scales.</exception>
    public UNet(UNetSpec spec, string setting, string kind, long[] image, Rng rng, long planes = 0, long embedding = 0, bool skips = true)
        : base(nameof(UNet))
    {
        if (!spec.Takes(image))
            throw new SettingException(setting, $"{kind} needs {spec.Needed}; these rows have shape ({string.Join(", ", image)})");
        (activation, this.skips) = (spec.Activation, skips);
        var style = new ResidualStyle(spec.Activation, spec.Precision, null, embedding);
        long[] widths = [.. spec.Multipliers.Select(m => (long)spec.Width * m)];
        (down, up) = (new ResidualBlock[widths.Length][], new ResidualBlock[widths.Length][]);
        stem = NormedLayer.Conv(image[0] + planes, spec.Width, rng.Stream("stem"), precision: spec.Precision);
        var at = (long)spec.Width;
        for (var k = 0; k < widths.Length; k++)
            down[k] = Scale($"down{k}", at, widths[k]);
        for (var k = widths.Length - 1; k >= 0; k--)
            up[k] = Scale($"up{k}", at + (skips && k < widths.Length - 1 ? widths[k] : 0), widths[k]);
        last = NormedLayer.Conv(widths[0], image[0], rng.Stream("last"));
        RegisterComponents();
        Bottom = [widths[^1], image[1] >> (widths.Length - 1), image[2] >> (widths.Length - 1)];

        ResidualBlock[] Scale(string name, long from, long to)
        {
            var blocks = new ResidualBlock[spec.Blocks];
            for (var i = 0; i < blocks.Length; i++)
            {
                blocks[i] = new(style, i == 0 ? from : to, to, rng.Stream($"{name}_{i}"));
                register_module($"{name}_{i}", blocks[i]);
            }
            at = to;
            return blocks;
        }
    }

    /// <summary>Shape of one row at the bottom: channels and sides.</summary>
    public long[] Bottom { get; }

    /// <summary>(B, C + planes, H, W) → what is kept at the scales above the last, and the bottom, (B, …<see cref="Bottom"/>).</summary>
    public (Tensor[] Kept, Tensor Bottom) Down(Tensor x, Tensor? e = null)
    {
        var h = stem.call(ConvTrunk.ChannelsLast(x));
        var kept = new Tensor[down.Length - 1];
        foreach (var (k, scale) in down.Index())
        {
            if (k > 0)
            {
                kept[k - 1] = h;
                h = nn.functional.avg_pool2d(h, 2);
            }
            foreach (var block in scale)
                h = block.Of(h, e);
        }
        return (kept, h);
    }

    /// <summary>(B, …<see cref="Bottom"/>) and what was kept → (B, C, H, W), linear.</summary>
    public Tensor Up(Tensor bottom, Tensor[] kept, Tensor? e = null)
    {
        var h = bottom;
        for (var k = up.Length - 1; k >= 0; k--)
        {
            if (k < up.Length - 1)
            {
                h = Doubling.Of(h);
                if (skips)
                    h = cat([h, kept[k]], 1);
            }
            foreach (var block in up[k])
                h = block.Of(h, e);
        }
        return last.call(activation.Of(h));
    }

    /// <summary>After all weights are drawn.</summary>
    public void Begin()
    {
        foreach (var block in down.Concat(up).SelectMany(scale => scale))
            block.Begin();
    }
}

/// <summary>A U-Net for square images. The defaults are small.</summary>
/// <param name="Width">Channels at the full side.</param>
/// <param name="Blocks">Residual blocks per scale, each way.</param>
/// <param name="Multipliers">Channels at each scale, in units of the width; the side halves from scale to scale. Default: 1, 2, 2.</param>
/// <param name="Precision">bfloat16 is several times faster on CPUs with matrix units for it.</param>
public sealed record UNetSpec(
    int Width = 16,
    int Blocks = 1,
    int[]? Multipliers = null,
    Activation Activation = Activation.Silu,
    Precision Precision = Precision.Float32
)
{
    public int Width { get; } = Require.Units(Width);
    public int Blocks { get; } = Require.Layers(Blocks);
    public int[] Multipliers { get; } = ResidualTrunkSpec.Scales(Multipliers ?? [1, 2, 2], Width);

    /// <summary>Whether the rows are square images whose side can be halved between all scales.</summary>
    public bool Takes(long[] shape) =>
        shape is [_, var height, var width] && height == width && height % (1L << (Multipliers.Length - 1)) == 0;

    /// <summary>The rows that <see cref="Takes"/> is true for.</summary>
    public string Needed => $"square images whose side is a multiple of {1 << (Multipliers.Length - 1)}";
}
