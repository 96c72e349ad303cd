namespace Ebm.Nets;

/// <summary>
/// The convolutional discriminator of SNGAN (Miyato, Kataoka, Koyama and Yoshida 2018) as an energy, as in the code of generalized energy-based models (sngan):
/// <code>
/// C × 32 × 32                        conv 3×3, w
/// halved three times                 conv 4×4 stride 2, then conv 3×3, with 2w, 4w and 8w channels
/// flatten, dense                     8w × 4 × 4 → 1, without a spectral norm
/// </code>
/// Leaky ReLU of slope .1 follows each convolution, and each has a spectral norm. Their w is 64: 5,860,865 weights on CIFAR-10. Initial weights are Xavier's;
/// our biases begin at 0.
/// </summary>
public sealed class SpectralConv : nn.Module<Tensor, Tensor>
{
    readonly NormedLayer[] convs;
    readonly Modules.Linear head;
    readonly long[] to;

    public SpectralConv(SpectralConvSpec settings, Rng rng, long[] from, long[] to)
        : base(nameof(SpectralConv))
    {
        this.to = to;
        ConvTrunk.Quarter("energy", "spectral-conv", from);
        var w = (long)settings.Width;
        var side = from[1];
        var layers = new List<NormedLayer> { NormedLayer.Conv(from[0], w, rng.Stream("conv0"), 3, settings.Spectral) };
        for (var k = 1; k <= 3; k++)
        {
            layers.Add(NormedLayer.Conv(w, 2 * w, rng.Stream($"conv{layers.Count}"), 4, settings.Spectral, stride: 2));
            layers.Add(NormedLayer.Conv(2 * w, 2 * w, rng.Stream($"conv{layers.Count}"), 3, settings.Spectral));
            (w, side) = (2 * w, side / 2);
        }
        convs = [.. layers];
        head = nn.Linear(w * Math.Max(1, side) * Math.Max(1, side), to.Size(), device: rng.Device);
        for (var i = 0; i < convs.Length; i++)
            register_module($"conv{i}", convs[i]);
        RegisterComponents();
        this.DrawnFrom(rng, xavier: true);
    }

    public override Tensor forward(Tensor x)
    {
        var h = ConvTrunk.ChannelsLast(x);
        foreach (var conv in convs)
            h = nn.functional.leaky_relu(conv.call(h), .1);
        return head.call(h.flatten(1)).reshape(to.Rows(x.shape[0]));
    }
}

/// <summary>SNGAN's convolutional energy for square images. The default width is small.</summary>
/// <param name="Width">Channels at the full side; eight times as many at an eighth of it.</param>
/// <param name="Spectral">Spectral normalisation; default: one power iteration per training pass.</param>
[Kind("spectral-conv")]
public sealed record SpectralConvSpec(int Width = 8, SpectralNormSpec? Spectral = null) : INetSpec, INeedsShape
{
    public int Width { get; } = Require.Between(1, 8192, Width);
    public SpectralNormSpec Spectral { get; } = Spectral ?? new();

    bool INeedsShape.Takes(long[] shape) => ConvTrunk.Takes(shape) && shape[1] >= 8;

    string INeedsShape.Needed => "square images whose side is a multiple of 4 and at least 8";

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new SpectralConv(this, rng, from, to);
}
