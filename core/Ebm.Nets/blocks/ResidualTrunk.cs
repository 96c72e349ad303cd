namespace Ebm.Nets;

/// <summary>
/// The ResNet of the released code of diffusion recovery likelihood (Gao et al. 2021), which DAEBM (Zhang, Tan and Ou 2023) and cooperative recovery
/// likelihood (Zhu et al. 2024) share; heads make energies of its features.
/// <code>
/// image                              C × H × W, padded with zeros to a side that can be halved between all scales (28 to 32)
/// conv 3×3                           w
/// scale k = 0 … K−1                  n residual blocks of w mₖ channels (<see cref="ResidualBlock"/>, shortcut 3×3)
///   between scales                   2×2 average pooling
/// activation, sum over pixels        w m_{K−1} features
/// </code>
/// On 32×32 their w is 128 and m is 1, 2, 2, 2 (1, 2, 2, 2, 4 on 64×64); n is 8 in recovery likelihood and its successor, 1 in DAEBM.
/// </summary>
sealed class ResidualTrunk : nn.Module
{
    readonly NormedLayer stem;
    readonly ResidualBlock[][] scales;
    readonly Activation last;
    readonly (long Before, long After) padding;

    /// <param name="setting">The setting to name in errors.</param>
    /// <param name="kind">The net's kind, for errors.</param>
    /// <param name="image">(C, H, W).</param>
    /// <param name="embedding">Numbers of the embedding that the blocks are told; 0: none.</param>
    /// <exception cref="SettingException">The rows are not square images.</exception>
    public ResidualTrunk(ResidualTrunkSpec spec, string setting, string kind, long[] image, Rng rng, long embedding = 0)
        : base(nameof(ResidualTrunk))
    {
        if (!Takes(image))
            throw new SettingException(setting, $"{kind} needs {Needed}; these rows have shape ({string.Join(", ", image)})");
        var style = new ResidualStyle(
            spec.Activation,
            spec.Precision,
            spec.Spectral,
            embedding,
            NearZero: spec.Spectral is not null,
            ShortcutKernel: 3
        );
        // Released codes end with ReLU after leaky units.
        last = spec.Activation == Activation.LeakyRelu ? Activation.Relu : spec.Activation;
        var halved = 1L << (spec.Multipliers.Length - 1);
        var missing = (halved - image[1] % halved) % halved;
        padding = (missing / 2, missing - missing / 2);
        var from = (long)spec.Width;
        stem = NormedLayer.Conv(image[0], from, rng.Stream("stem"), 3, spec.Spectral, spec.Precision);
        scales = new ResidualBlock[spec.Multipliers.Length][];
        for (var k = 0; k < scales.Length; k++)
        {
            scales[k] = new ResidualBlock[spec.Blocks];
            for (var i = 0; i < spec.Blocks; i++)
            {
                var to = (long)spec.Width * spec.Multipliers[k];
                scales[k][i] = new(style, from, to, rng.Stream($"block{k}_{i}"));
                register_module($"block{k}_{i}", scales[k][i]);
                from = to;
            }
        }
        Features = from;
        RegisterComponents();
    }

    /// <summary>The rows that <see cref="Takes"/> is true for.</summary>
    public const string Needed = "square images";

    public static bool Takes(long[] shape) => shape is [_, var height, var width] && height == width;

    /// <summary>Numbers per row of <see cref="Of"/>.</summary>
    public long Features { get; }

    /// <summary>(B, C, H, W) and, if the blocks are told one, (B, embedding) → (B, <see cref="Features"/>), in x's dtype.</summary>
    public Tensor Of(Tensor x, Tensor? e = null)
    {
        var (a, b) = padding;
        var h = stem.call(ConvTrunk.ChannelsLast(b > 0 ? nn.functional.pad(x, [a, b, a, b]) : x));
        foreach (var (k, scale) in scales.Index())
        {
            if (k > 0)
                h = nn.functional.avg_pool2d(h, 2);
            foreach (var block in scale)
                h = block.Of(h, e);
        }
        return last.Of(h).to(x.dtype).sum([2, 3]);
    }

    /// <summary>After all weights are drawn.</summary>
    public void Begin()
    {
        foreach (var block in scales.SelectMany(scale => scale))
            block.Begin();
    }
}

/// <summary>A record of a net on a <see cref="ResidualTrunk"/>.</summary>
interface IOnResidualTrunk : INeedsShape
{
    bool INeedsShape.Takes(long[] shape) => ResidualTrunk.Takes(shape);

    string INeedsShape.Needed => ResidualTrunk.Needed;
}

/// <summary>A ResNet for square images. The defaults are small.</summary>
/// <param name="Width">Channels at the full side.</param>
/// <param name="Blocks">Residual blocks per scale.</param>
/// <param name="Multipliers">Channels at each scale, in units of the width; the side halves from scale to scale. Default: 1, 2, 2.</param>
/// <param name="Spectral">Spectral normalisation of all layers except the head's. The second convolution of each block then begins near zero and has a lower
/// bound and a gain, as in the released code of recovery likelihood. Null: none.</param>
/// <param name="Precision">bfloat16 is several times faster on CPUs with matrix units for it.</param>
public sealed record ResidualTrunkSpec(
    int Width = 32,
    int Blocks = 1,
    int[]? Multipliers = null,
    Activation Activation = Activation.Silu,
    SpectralNormSpec? Spectral = null,
    Precision Precision = Precision.Float32
)
{
    public int Width { get; } = Require.Units(Width);
    public int Blocks { get; } = Require.Layers(Blocks);
    public int[] Multipliers { get; } = Scales(Multipliers ?? [1, 2, 2], Width);

    /// <summary>Checks channels at each scale, in units of a width.</summary>
    internal static int[] Scales(int[] multipliers, int width) =>
        Require.That(
            multipliers,
            multipliers.Length is >= 1 and <= 8 && multipliers.All(m => m >= 1 && (long)m * width <= 65_536),
            "must be 1 to 8 positive numbers, with at most 65536 channels at a scale",
            nameof(Multipliers)
        );
}
