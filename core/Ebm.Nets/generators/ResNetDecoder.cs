namespace Ebm.Nets;

/// <summary>
/// Denoising-EBM's semantic decoder, from a code to an image. The paper names a ResNet; widths and depths are ours:
/// <code>
/// code                               dense to w m_{K−1} × s × s, with s the side halved K − 1 times
/// scale k = K−1 … 0                  n residual blocks of w mₖ channels (<see cref="ResidualBlock"/>)
///   between scales                   nearest pixels doubled
/// activation, conv 3×3               C, linear
/// </code>
/// It is the way up of a <see cref="UNet"/> that keeps nothing.
/// </summary>
public sealed class ResNetDecoder : nn.Module<Tensor, Tensor>
{
    readonly Modules.Linear wide;
    readonly NormedLayer last;
    readonly ResidualBlock[][] scales;
    readonly Activation activation;
    readonly long[] bottom;

    public ResNetDecoder(ResNetDecoderSpec settings, Rng rng, long[] from, long[] to)
        : base(nameof(ResNetDecoder))
    {
        var spec = settings.Net;
        if (!spec.Takes(to))
            throw new SettingException("decoder", $"resnet-decoder needs {spec.Needed}; these rows have shape ({string.Join(", ", to)})");
        activation = spec.Activation;
        var style = new ResidualStyle(spec.Activation, spec.Precision);
        long[] widths = [.. spec.Multipliers.Reverse().Select(m => (long)spec.Width * m)];
        bottom = [widths[0], to[1] >> (widths.Length - 1), to[2] >> (widths.Length - 1)];
        wide = nn.Linear(from.Size(), bottom.Size(), device: rng.Device);
        scales = new ResidualBlock[widths.Length][];
        var at = widths[0];
        for (var k = 0; k < widths.Length; k++)
        {
            scales[k] = new ResidualBlock[spec.Blocks];
            for (var i = 0; i < spec.Blocks; i++)
            {
                scales[k][i] = new(style, at, widths[k], rng.Stream($"block{k}_{i}"));
                register_module($"block{k}_{i}", scales[k][i]);
                at = widths[k];
            }
        }
        last = NormedLayer.Conv(at, to[0], rng.Stream("last"));
        RegisterComponents();
        this.DrawnFrom(rng);
        foreach (var block in scales.SelectMany(scale => scale))
            block.Begin();
    }

    public override Tensor forward(Tensor z)
    {
        var h = ConvTrunk.ChannelsLast(wide.call(z.Flat()).reshape(bottom.Rows(z.shape[0])));
        foreach (var (k, scale) in scales.Index())
        {
            if (k > 0)
                h = Doubling.Of(h);
            foreach (var block in scale)
                h = block.Of(h);
        }
        return last.call(activation.Of(h)).to(z.dtype);
    }
}

/// <summary>A ResNet from codes to square images.</summary>
/// <param name="Net">The layers of a U-Net's way up.</param>
[Kind("resnet-decoder")]
public sealed record ResNetDecoderSpec(UNetSpec? Net = null) : INetSpec, INeedsShape
{
    public UNetSpec Net { get; } = Net ?? new();

    bool INeedsShape.Takes(long[] shape) => Net.Takes(shape);

    string INeedsShape.Needed => Net.Needed;

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new ResNetDecoder(this, rng, from, to);
}
