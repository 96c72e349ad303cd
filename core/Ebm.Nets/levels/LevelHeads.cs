namespace Ebm.Nets;

/// <summary>A multi-head ladder: one pass of a network gives every level's energy, so the draw of the level is as cheap as one energy.</summary>
public sealed class LevelHeads : LevelNet, ISlopes
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

    public override Tensor All(Tensor x) => heads.call(x);

    public override Tensor At(Tensor x, Tensor level) => All(x).gather(1, level.unsqueeze(1)).squeeze(1);

    public (Tensor Value, Tensor Slope)? WithSlope(Tensor x, Tensor? column) => (heads as ISlopes)?.WithSlope(x, column);
}

/// <summary>A fully connected network with a head per level.</summary>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">The first layer sees the row times this.</param>
[Kind("level-mlp")]
public sealed record LevelMlpSpec(int Width = 128, int Depth = 3, Activation Activation = Activation.Silu, double InputScale = 3)
    : ILevelEnergySpec
{
    readonly MlpSpec net = new(Width, Depth, Activation, InputScale);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) =>
        new LevelHeads(net.Build(rng, shape, [noise.Levels]), noise.Levels);
}
