namespace Ebm.Nets;

/// <summary>Latent noise through fully connected layers: any dimension to any other, and no density.</summary>
public sealed class MlpGenerator : GeneratorNet
{
    readonly nn.Module<Tensor, Tensor> net;

    public MlpGenerator(MlpGeneratorSpec settings, Rng rng, long[] shape)
        : base(nameof(MlpGenerator), settings.Latent)
    {
        net = new MlpSpec(settings.Width, settings.Depth, settings.Activation).Build(rng, [settings.Latent], shape);
        register_module("net", net);
    }

    public override Tensor forward(Tensor z) => net.call(z);
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

    public GeneratorNet Build(Rng rng, long[] shape) => new MlpGenerator(this, rng, shape);
}
