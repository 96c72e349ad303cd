namespace Ebm.Nets;

/// <summary>A decoder from codes to images: dense to a quarter of the side, then two upsamplings, linear output: (B, codes) → (B, C, H,
/// W).</summary>
public sealed class ConvDecoder : nn.Module<Tensor, Tensor>
{
    readonly Modules.Linear wide;
    readonly Modules.Conv2d up1,
        between,
        up2;
    readonly long width,
        side;
    readonly Precision precision;

    /// <param name="setting">The setting to name in errors.</param>
    /// <param name="kind">The net's kind, for errors.</param>
    public ConvDecoder(string setting, string kind, int width, Precision precision, Rng rng, long[] from, long[] to)
        : base(nameof(ConvDecoder))
    {
        side = ConvTrunk.Quarter(setting, kind, to);
        (this.width, this.precision) = (width, precision);
        wide = nn.Linear(from.Size(), 2 * width * side * side, device: rng.Device);
        up1 = nn.Conv2d(2 * width, 4 * width, 3, padding: 1, device: rng.Device);
        between = nn.Conv2d(width, width, 3, padding: 1, device: rng.Device);
        up2 = nn.Conv2d(width, 4 * to[0], 3, padding: 1, device: rng.Device);
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    public override Tensor forward(Tensor z)
    {
        var h = Active(precision.Dense(wide, z.Flat())).view(-1, 2 * width, side, side);
        h = Active(precision.Conv(between, Active(nn.functional.pixel_shuffle(precision.Conv(up1, h), 2))));
        // The image itself is not rounded to bfloat16.
        return nn.functional.pixel_shuffle(Precision.Float32.Conv(up2, h.to(z.dtype)), 2);
    }

    static Tensor Active(Tensor x) => nn.functional.silu(x);
}

/// <summary>A small convolutional decoder to square images.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
[Kind("conv-decoder")]
public sealed record ConvDecoderSpec(int Width = 32, [OldRunsHad(Precision.Float32)] Precision Precision = Precision.Float32)
    : INetSpec,
        ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) =>
        new ConvDecoder("decoder", "conv-decoder", Width, Precision, rng, from, to);
}
