namespace Ebm.Nets;

/// <summary>A ladder with one output head per level: one pass gives the energies of all levels, so drawing a level costs as much as one
/// energy.</summary>
public sealed class LevelHeads : LevelNet, ITiled
{
    readonly nn.Module<Tensor, Tensor> heads;

    public LevelHeads(nn.Module<Tensor, Tensor> heads, int levels)
        : base(nameof(LevelHeads))
    {
        this.heads = heads;
        Levels = levels;
        register_module("heads", heads);
    }

    public override int Levels { get; }

    protected override Tensor EveryEnergy(Tensor x) => heads.call(x);

    protected override Tensor EnergyAt(Tensor x, Tensor level) => heads.call(x).gather(1, level.unsqueeze(1)).squeeze(1);

    public TiledEnergy? Tiled(Tensor x, Tensor? column) => (heads as ITiled)?.Tiled(x, column);
}

/// <summary>A fully connected network with one head per level.</summary>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">Multiplies the input row.</param>
[Kind("level-mlp")]
public sealed record LevelMlpSpec(int Width = 128, int Depth = 3, Activation Activation = Activation.Silu, double InputScale = 3)
    : ILevelEnergySpec
{
    readonly MlpSpec net = new(Width, Depth, Activation, InputScale);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) =>
        new LevelHeads(net.Build(rng, shape, [noise.Levels]), noise.Levels);
}

/// <summary>A convolutional network for square images with one head per level.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
/// <param name="Hidden">Units of the dense layer.</param>
[Kind("level-conv")]
public sealed record LevelConvSpec(
    int Width = 32,
    int Hidden = 128,
    Activation Activation = Activation.Silu,
    Precision Precision = Precision.Float32
) : ILevelEnergySpec, ITakesSquareImages
{
    readonly ConvEnergySpec net = new(Width, Hidden, Activation, Precision);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) =>
        new LevelHeads(new ConvEnergy(net, "level-conv", rng, shape, [noise.Levels]), noise.Levels);
}
