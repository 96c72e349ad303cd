namespace Ebm.Nets;

/// <summary>
/// A ladder for images: one pass of a U-shaped convolutional net gives a reconstruction r(x) and one number h_ℓ(x) per level, and
/// E(x, ℓ) = |x − r(x)|² / 2 noise_ℓ² + d log noise_ℓ − h_ℓ(x).
/// The quadratic term sets the scale of each level, so the net need not learn it. (Our completion: the papers do not specify the net.)
/// </summary>
public sealed class LevelReconstruction : LevelNet
{
    readonly ConvTrunk trunk;
    readonly Modules.Linear narrow,
        wide,
        heads;
    readonly Tensor precision,
        volume;

    public LevelReconstruction(LevelReconstructionSpec settings, Rng rng, long[] shape, NoiseSchedule noise)
        : base(nameof(LevelReconstruction))
    {
        Levels = noise.Levels;
        if (noise.Noise.device_type != DeviceType.META && noise.Noise[0].to(float64).item<double>() == 0)
            throw new SettingException(
                "noise",
                "has a level without noise (clean: 0), and level-reconstruction divides by it; take another energy, or a positive clean"
            );
        var (code, device) = (settings.Bottleneck, rng.Device);
        trunk = new(this, "energy", "level-reconstruction", shape, settings.Width, Activation.LeakyRelu, device, settings.Precision);
        narrow = nn.Linear(trunk.Flat, code, device: device);
        wide = nn.Linear(code, trunk.Flat, device: device);
        heads = nn.Linear(code, Levels, device: device);
        precision = 1 / (2 * noise.Noise.square());
        volume = shape.Size() * noise.Noise.log();
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    public override int Levels { get; }

    protected override Tensor EveryEnergy(Tensor x)
    {
        var (misfit, h) = Through(x);
        return misfit.unsqueeze(1) * precision + volume - h;
    }

    protected override Tensor EnergyAt(Tensor x, Tensor level)
    {
        var (misfit, h) = Through(x);
        return misfit * precision[level] + volume[level] - h.gather(1, level.unsqueeze(1)).squeeze(1);
    }

    /// <summary>|x − r(x)|², (B), and h(x), (B, Levels), both in x's dtype.</summary>
    (Tensor Misfit, Tensor Heads) Through(Tensor x)
    {
        var (fine, coarse) = trunk.Down(ConvTrunk.ChannelsLast(x));
        var code = trunk.Active(trunk.Dense(narrow, coarse.flatten(1)));
        var r = trunk.Up(ConvTrunk.ChannelsLast(trunk.AtQuarter(trunk.Active(trunk.Dense(wide, code)))), fine);
        return ((x - r.to(x.dtype)).square().SumPerRow(), trunk.Dense(heads, code).to(x.dtype));
    }
}

/// <summary>A U-shaped convolutional net with a reconstruction and one head per level.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
/// <param name="Bottleneck">Units between the two halves.</param>
[Kind("level-reconstruction")]
public sealed record LevelReconstructionSpec(int Width = 32, int Bottleneck = 256, Precision Precision = Precision.Float32)
    : ILevelEnergySpec,
        ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);
    public int Bottleneck { get; } = Require.Units(Bottleneck);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) => new LevelReconstruction(this, rng, shape, noise);
}
