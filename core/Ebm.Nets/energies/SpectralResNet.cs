namespace Ebm.Nets;

/// <summary>
/// The energy on images of generalized energy-based models (Arbel, Zhou and Gretton 2021, their code's resnet-sn), which is the discriminator of SNGAN's ResNet
/// (Miyato, Kataoka, Koyama and Yoshida 2018). Every layer has a spectral norm, so the slope of the energy is bounded, as KALE needs:
/// <code>
/// C × 32 × 32
/// block C → w, halved                conv 3×3, ReLU, conv 3×3, pool;   shortcut: pool, conv 1×1
/// block w → w, halved                ReLU, conv 3×3, ReLU, conv 3×3, pool;   shortcut: conv 1×1, pool
/// block w → w, twice                 ReLU, conv 3×3, ReLU, conv 3×3;   shortcut: identity
/// ReLU, mean over pixels, dense      w → 1
/// </code>
/// Their w is 128: 1,053,825 weights on CIFAR-10. Initial weights are Xavier's; our biases begin at 0 and all shortcuts with gain 1 (theirs √2).
/// </summary>
public sealed class SpectralResNet : nn.Module<Tensor, Tensor>
{
    readonly NormedLayer[] convs,
        shortcuts;
    readonly NormedLayer head;
    readonly long[] to;

    public SpectralResNet(SpectralResNetSpec settings, Rng rng, long[] from, long[] to)
        : base(nameof(SpectralResNet))
    {
        this.to = to;
        ConvTrunk.Quarter("energy", "spectral-resnet", from);
        var (w, norm) = ((long)settings.Width, settings.Spectral);
        convs = [.. Enumerable.Range(0, 8).Select(i => NormedLayer.Conv(i == 0 ? from[0] : w, w, rng.Stream($"conv{i}"), 3, norm))];
        shortcuts = [.. Enumerable.Range(0, 2).Select(i => NormedLayer.Conv(i == 0 ? from[0] : w, w, rng.Stream($"shortcut{i}"), 1, norm))];
        head = NormedLayer.Dense(w, to.Size(), rng.Stream("head"), norm);
        for (var i = 0; i < convs.Length; i++)
            register_module($"conv{i}", convs[i]);
        for (var i = 0; i < shortcuts.Length; i++)
            register_module($"shortcut{i}", shortcuts[i]);
        RegisterComponents();
        this.DrawnFrom(rng, xavier: true);
    }

    public override Tensor forward(Tensor x)
    {
        x = ConvTrunk.ChannelsLast(x);
        var h = Halved(convs[1].call(convs[0].call(x).relu())) + shortcuts[0].call(Halved(x));
        h = Halved(Twice(1, h)) + Halved(shortcuts[1].call(h));
        h = Twice(2, h) + h;
        h = Twice(3, h) + h;
        return head.call(h.relu().mean([2, 3])).reshape(to.Rows(x.shape[0]));

        Tensor Twice(int block, Tensor h) => convs[2 * block + 1].call(convs[2 * block].call(h.relu()).relu());
    }

    static Tensor Halved(Tensor h) => nn.functional.avg_pool2d(h, 2);
}

/// <summary>SNGAN's ResNet energy for square images. The default width is small.</summary>
/// <param name="Width">Channels.</param>
/// <param name="Spectral">Spectral normalisation; default: one power iteration per training pass.</param>
[Kind("spectral-resnet")]
public sealed record SpectralResNetSpec(int Width = 32, SpectralNormSpec? Spectral = null) : INetSpec, ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);
    public SpectralNormSpec Spectral { get; } = Spectral ?? new();

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new SpectralResNet(this, rng, from, to);
}
