namespace Ebm.Nets;

/// <summary>A generator made of any network: the latent dimension is free, and there is no density.</summary>
public sealed class LatentNet : GeneratorNet
{
    readonly nn.Module<Tensor, Tensor> net;
    readonly bool bounded;

    /// <param name="net">(B, latent) → (B, …Shape).</param>
    /// <param name="bounded">Whether rows are squashed into (−1, 1).</param>
    public LatentNet(nn.Module<Tensor, Tensor> net, long latent, bool bounded = false)
        : base(nameof(LatentNet), latent)
    {
        (this.net, this.bounded) = (net, bounded);
        register_module("net", net);
    }

    public override Tensor forward(Tensor z) => bounded ? net.call(z).tanh() : net.call(z);
}

/// <summary>Fully connected layers from latent noise to a row.</summary>
/// <param name="Latent">Numbers in one z.</param>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers.</param>
[Kind("mlp-generator")]
public sealed record MlpGeneratorSpec(int Latent = 2, int Width = 128, int Depth = 3, Activation Activation = Activation.LeakyRelu)
    : IGeneratorSpec<GeneratorNet>
{
    public int Latent { get; } = Require.Units(Latent);
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth);

    public GeneratorNet Build(Rng rng, long[] shape) =>
        new LatentNet(new MlpSpec(Width, Depth, Activation).Build(rng, [Latent], shape), Latent);
}

/// <summary>A convolutional decoder from latent noise to a square image with pixels in (−1, 1).</summary>
/// <param name="Latent">Numbers in one z.</param>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
[Kind("conv-generator")]
public sealed record ConvGeneratorSpec(
    int Latent = 32,
    int Width = 32,
    [OldRunsHad(Precision.Float32)] Precision Precision = Precision.Float32
) : IGeneratorSpec<GeneratorNet>, ITakesSquareImages
{
    public int Latent { get; } = Require.Units(Latent);
    public int Width { get; } = Require.Units(Width);

    public GeneratorNet Build(Rng rng, long[] shape) =>
        new LatentNet(new ConvDecoder("generator", "conv-generator", Width, Precision, rng, [Latent], shape), Latent, bounded: true);
}
