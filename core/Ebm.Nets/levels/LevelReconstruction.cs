namespace Ebm.Nets;

/// <summary>Arithmetic of a convolutional net: weights, energies and Langevin noise stay in float32 whatever is chosen.</summary>
public enum Precision
{
    Float32,
    Bfloat16,
}

/// <summary>
/// A ladder for images: one pass of a U-shaped convolutional net gives a reconstruction r(x) and a number h_ℓ(x) per level, and
/// E(x, ℓ) = |x − r(x)|² / 2 noise_ℓ² + d log noise_ℓ − h_ℓ(x).
/// The quadratic carries the level's scale, so that the net need not learn it. (Our completion: the papers leave the net open.)
/// </summary>
public sealed class LevelReconstruction : LevelNet
{
    readonly LevelReconstructionSpec settings;
    readonly Modules.Conv2d down1,
        down2,
        inner,
        outer,
        up1,
        join,
        up2;
    readonly Modules.Linear narrow,
        wide,
        heads;
    readonly long channels,
        side,
        size;
    readonly Tensor precision,
        volume;

    public LevelReconstruction(LevelReconstructionSpec settings, Rng rng, long[] shape, NoiseSchedule noise)
        : base(nameof(LevelReconstruction))
    {
        if (shape is not [_, var height, var width] || height != width || height % 4 != 0)
            throw new SettingException(
                "energy",
                $"level-reconstruction needs square images whose side is a multiple of 4; these rows have shape ({string.Join(", ", shape)})"
            );
        this.settings = settings;
        Levels = noise.Levels;
        (channels, side, size) = (shape[0], height / 4, shape.Size());
        var (w, device) = (settings.Width, rng.Device);
        var flat = 2 * w * side * side;

        down1 = nn.Conv2d(channels, w, 4, stride: 2, padding: 1, device: device);
        down2 = nn.Conv2d(w, 2 * w, 4, stride: 2, padding: 1, device: device);
        inner = nn.Conv2d(2 * w, 2 * w, 3, padding: 1, device: device);
        narrow = nn.Linear(flat, settings.Bottleneck, device: device);
        wide = nn.Linear(settings.Bottleneck, flat, device: device);
        outer = nn.Conv2d(2 * w, 2 * w, 3, padding: 1, device: device);
        up1 = nn.Conv2d(2 * w, 4 * w, 1, device: device);
        join = nn.Conv2d(2 * w, w, 3, padding: 1, device: device);
        up2 = nn.Conv2d(w, 4 * channels, 3, padding: 1, device: device);
        heads = nn.Linear(settings.Bottleneck, Levels, device: device);
        precision = 1 / (2 * noise.Noise.square());
        volume = size * noise.Noise.log();
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    public override int Levels { get; }

    public override Tensor All(Tensor x)
    {
        var (misfit, h) = Through(x);
        return misfit.unsqueeze(1) * precision + volume - h;
    }

    public override Tensor At(Tensor x, Tensor level)
    {
        var (misfit, h) = Through(x);
        return misfit * precision[level] + volume[level] - h.gather(1, level.unsqueeze(1)).squeeze(1);
    }

    /// <summary>|x − r(x)|², (B), and h(x), (B, Levels), both in x's dtype.</summary>
    (Tensor Misfit, Tensor Heads) Through(Tensor x)
    {
        Cost.Pass(x);
        var fine = Active(Conv(down1, ChannelsLast(Lower(x)), stride: 2));
        var coarse = Active(Conv(inner, Active(Conv(down2, fine, stride: 2))));
        var code = Active(Dense(narrow, coarse.flatten(1)));
        var back = ChannelsLast(Active(Dense(wide, code)).view(-1, 2 * settings.Width, side, side));
        var up = Active(nn.functional.pixel_shuffle(Conv(up1, Active(Conv(outer, back)), padding: 0), 2));
        var r = nn.functional.pixel_shuffle(Conv(up2, Active(Conv(join, cat([up, fine], 1)))), 2);
        return ((x - r.to(x.dtype)).square().SumPerRow(), Dense(heads, code).to(x.dtype));
    }

    Tensor Conv(Modules.Conv2d layer, Tensor x, long stride = 1, long padding = 1) =>
        nn.functional.conv2d(x, Lower(layer.weight), Lower(layer.bias!), strides: [stride, stride], padding: [padding, padding]);

    Tensor Dense(Modules.Linear layer, Tensor x) => nn.functional.linear(x, Lower(layer.weight), Lower(layer.bias!));

    Tensor Lower(Tensor x) => settings.Precision == Precision.Bfloat16 ? x.to(bfloat16) : x;

    // Convolution kernels are fastest where a pixel's channels lie side by side; the shape stays (B, C, H, W).
    static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    static Tensor Active(Tensor x) => nn.functional.leaky_relu(x, .2);
}

/// <summary>A U-shaped convolutional net: reconstruction and heads.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
/// <param name="Bottleneck">Units between the two halves.</param>
/// <param name="Precision">bfloat16 is several times faster where the CPU has matrix units for it.</param>
[Kind("level-reconstruction")]
public sealed record LevelReconstructionSpec(int Width = 32, int Bottleneck = 256, Precision Precision = Precision.Float32)
    : ILevelEnergySpec
{
    public int Width { get; } = Require.Units(Width);
    public int Bottleneck { get; } = Require.Units(Bottleneck);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) => new LevelReconstruction(this, rng, shape, noise);
}
