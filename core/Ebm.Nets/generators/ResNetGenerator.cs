namespace Ebm.Nets;

/// <summary>
/// The base on images of generalized energy-based models (Arbel, Zhou and Gretton 2021, their code's resnet-sn), which is the generator of SNGAN's ResNet
/// (Miyato, Kataoka, Koyama and Yoshida 2018):
/// <code>
/// z                                  100 numbers, dense to w × 4 × 4
/// three blocks w → w, doubled        norm, ReLU, pixels doubled, conv 3×3, norm, ReLU, conv 3×3;   shortcut: pixels doubled
/// norm, ReLU, conv 3×3, tanh         C × 32 × 32
/// </code>
/// Norms are over the batch while the base trains, and use their averages while the energy trains and in chains, where rows must not depend on each other.
/// Their w is 128: 1,097,603 weights on CIFAR-10. Initial weights are Xavier's; our biases begin at 0.
/// </summary>
public sealed class ResNetGenerator : GeneratorNet
{
    readonly Modules.Linear dense;
    readonly NormedLayer[] convs;
    readonly Modules.BatchNorm2d[] norms;
    readonly NormedLayer last;
    readonly long[] shape;
    readonly long width,
        side;

    public ResNetGenerator(ResNetGeneratorSpec settings, Rng rng, long[] shape)
        : base(nameof(ResNetGenerator), settings.Latent)
    {
        this.shape = shape;
        (width, side) = (settings.Width, Doubling.Start("generator", "resnet-generator", shape, settings.Doublings));
        dense = nn.Linear(settings.Latent, width * side * side, device: rng.Device);
        convs = [.. Enumerable.Range(0, 2 * settings.Doublings).Select(i => NormedLayer.Conv(width, width, rng.Stream($"conv{i}")))];
        norms = [.. Enumerable.Range(0, convs.Length + 1).Select(_ => nn.BatchNorm2d(width, device: rng.Device))];
        last = NormedLayer.Conv(width, shape[0], rng.Stream("last"));
        for (var i = 0; i < convs.Length; i++)
            register_module($"conv{i}", convs[i]);
        for (var i = 0; i < norms.Length; i++)
            register_module($"norm{i}", norms[i]);
        RegisterComponents();
        this.DrawnFrom(rng, xavier: true);
    }

    public override Tensor forward(Tensor z)
    {
        var h = ConvTrunk.ChannelsLast(dense.call(z).reshape(-1, width, side, side));
        for (var i = 0; i < convs.Length; i += 2)
        {
            var inner = convs[i].call(Doubling.Of(norms[i].call(h).relu()));
            h = convs[i + 1].call(norms[i + 1].call(inner).relu()) + Doubling.Of(h);
        }
        return Doubling.Cut(last.call(norms[^1].call(h).relu()), shape).tanh();
    }
}

/// <summary>SNGAN's ResNet generator of square images in (−1, 1). The default width is small.</summary>
/// <param name="Latent">Numbers in one z.</param>
/// <param name="Width">Channels.</param>
/// <param name="Doublings">How often the side doubles; the image is cut out of the middle where the side is not a multiple of 2 to this power.</param>
[Kind("resnet-generator")]
public sealed record ResNetGeneratorSpec(int Latent = 100, int Width = 32, int Doublings = 3) : IGeneratorSpec<GeneratorNet>, INeedsShape
{
    public int Latent { get; } = Require.Units(Latent);
    public int Width { get; } = Require.Units(Width);
    public int Doublings { get; } = Require.Between(1, 6, Doublings);

    bool INeedsShape.Takes(long[] shape) => ResidualTrunk.Takes(shape);

    string INeedsShape.Needed => ResidualTrunk.Needed;

    public GeneratorNet Build(Rng rng, long[] shape) => new ResNetGenerator(this, rng, shape);
}
