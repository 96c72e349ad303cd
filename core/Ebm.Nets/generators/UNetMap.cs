namespace Ebm.Nets;

/// <summary>A U-Net from images, perhaps with planes that tell it something, to images of the same side: (B, C + planes, H, W) → (B, C, H, W).</summary>
public sealed class UNetMap : nn.Module<Tensor, Tensor>
{
    readonly UNet net;

    /// <exception cref="SettingException">The rows are not images of one side, or there are more channels after the net than before it.</exception>
    public UNetMap(UNetMapSpec settings, Rng rng, long[] from, long[] to)
        : base(nameof(UNetMap))
    {
        if (!settings.Net.Takes(from) || !settings.Net.Takes(to) || from[1] != to[1] || from[0] < to[0])
            throw new SettingException(
                "net",
                $"unet needs {settings.Net.Needed}, before it and after it; these rows have shape ({string.Join(", ", from)}) before it, and "
                    + $"({string.Join(", ", to)}) after it"
            );
        net = new(settings.Net, "net", "unet", to, rng.Stream("net"), planes: from[0] - to[0]);
        RegisterComponents();
        this.DrawnFrom(rng);
        net.Begin();
    }

    public override Tensor forward(Tensor x)
    {
        var (kept, bottom) = net.Down(x);
        return net.Up(bottom, kept).to(x.dtype);
    }
}

/// <summary>A U-Net between square images.</summary>
/// <param name="Net">Its layers.</param>
[Kind("unet")]
public sealed record UNetMapSpec(UNetSpec? Net = null) : INetSpec, INeedsShape
{
    public UNetSpec Net { get; } = Net ?? new();

    bool INeedsShape.Takes(long[] shape) => Net.Takes(shape);

    string INeedsShape.Needed => Net.Needed;

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new UNetMap(this, rng, from, to);
}
