namespace Ebm.Nets;

/// <summary>
/// The convolutional generator of SNGAN (Miyato, Kataoka, Koyama and Yoshida 2018), as in the code of generalized energy-based models (sngan):
/// <code>
/// z                                  100 numbers, dense to 8w × 4 × 4; norm, ReLU
/// three times, doubled               transposed conv 4×4 stride 2 to 4w, 2w and w channels; norm, ReLU
/// transposed conv 3×3, tanh          C × 32 × 32
/// </code>
/// Norms are those of <see cref="ResNetGenerator"/>. Their w is 64: 3,584,003 weights on CIFAR-10. Initial weights are Xavier's; our biases begin at 0.
/// </summary>
public sealed class TransposedConvGenerator : GeneratorNet
{
    readonly Modules.Linear dense;
    readonly Modules.ConvTranspose2d[] convs;
    readonly Modules.BatchNorm2d[] norms;
    readonly long[] shape;
    readonly long side;

    public TransposedConvGenerator(TransposedConvGeneratorSpec settings, Rng rng, long[] shape)
        : base(nameof(TransposedConvGenerator), settings.Latent)
    {
        this.shape = shape;
        side = Doubling.Start("generator", "transposed-conv-generator", shape, times: 3);
        var (w, device) = ((long)settings.Width, rng.Device);
        dense = nn.Linear(settings.Latent, 8 * w * side * side, device: device);
        convs =
        [
            nn.ConvTranspose2d(8 * w, 4 * w, 4, stride: 2, padding: 1, device: device),
            nn.ConvTranspose2d(4 * w, 2 * w, 4, stride: 2, padding: 1, device: device),
            nn.ConvTranspose2d(2 * w, w, 4, stride: 2, padding: 1, device: device),
            nn.ConvTranspose2d(w, shape[0], 3, padding: 1, device: device),
        ];
        norms = [.. new[] { 8 * w, 4 * w, 2 * w, w }.Select(channels => nn.BatchNorm2d(channels, device: device))];
        for (var i = 0; i < convs.Length; i++)
        {
            register_module($"norm{i}", norms[i]);
            register_module($"conv{i}", convs[i]);
        }
        RegisterComponents();
        this.DrawnFrom(rng, xavier: true);
    }

    public override Tensor forward(Tensor z)
    {
        var h = ConvTrunk.ChannelsLast(dense.call(z).reshape(z.shape[0], -1, side, side));
        foreach (var (norm, conv) in norms.Zip(convs))
            h = Convolution.Transposed(norm.call(h).relu(), conv.weight, conv.bias!, conv.stride[0], (conv.padding ?? [0])[0]);
        return Doubling.Cut(h, shape).tanh();
    }
}

/// <summary>SNGAN's convolutional generator of square images in (−1, 1). The default width is small.</summary>
/// <param name="Latent">Numbers in one z.</param>
/// <param name="Width">Channels at the full side; eight times as many at an eighth of it.</param>
[Kind("transposed-conv-generator")]
public sealed record TransposedConvGeneratorSpec(int Latent = 100, int Width = 8) : IGeneratorSpec<GeneratorNet>, INeedsShape
{
    public int Latent { get; } = Require.Units(Latent);
    public int Width { get; } = Require.Between(1, 8192, Width);

    bool INeedsShape.Takes(long[] shape) => ResidualTrunk.Takes(shape);

    string INeedsShape.Needed => ResidualTrunk.Needed;

    public GeneratorNet Build(Rng rng, long[] shape) => new TransposedConvGenerator(this, rng, shape);
}
