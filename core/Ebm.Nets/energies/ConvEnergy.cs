namespace Ebm.Nets;

/// <summary>
/// A convolutional energy of images: the downward trunk, a dense layer, and one output or several: (B, C, H, W) → (B, …to). Activations are smooth
/// by default because chains follow the slope and some losses differentiate it.
/// </summary>
public sealed class ConvEnergy : nn.Module<Tensor, Tensor>
{
    readonly ConvTrunk trunk;
    readonly Modules.Linear dense,
        last;
    readonly long[] to;

    public ConvEnergy(ConvEnergySpec settings, string kind, Rng rng, long[] from, long[] to)
        : base(nameof(ConvEnergy))
    {
        this.to = to;
        var (activation, device) = (settings.Activation, rng.Device);
        trunk = new(this, "energy", kind, from, settings.Width, activation, device, settings.Precision, returns: false);
        dense = nn.Linear(trunk.Flat, settings.Hidden, device: device);
        last = nn.Linear(settings.Hidden, to.Size(), device: device);
        RegisterComponents();
        this.DrawnFrom(rng);
    }

    public override Tensor forward(Tensor x)
    {
        var h = trunk.Active(trunk.Dense(dense, trunk.Down(ConvTrunk.ChannelsLast(x)).Coarse.flatten(1)));
        return last.call(h.to(x.dtype)).reshape(to.Rows(x.shape[0]));
    }
}

/// <summary>A convolutional network for square images.</summary>
/// <param name="Width">Channels at half resolution; twice as many at a quarter.</param>
/// <param name="Hidden">Units of the dense layer.</param>
[Kind("conv-energy")]
public sealed record ConvEnergySpec(
    int Width = 32,
    int Hidden = 128,
    Activation Activation = Activation.Silu,
    Precision Precision = Precision.Float32
) : INetSpec, ITakesSquareImages
{
    public int Width { get; } = Require.Units(Width);
    public int Hidden { get; } = Require.Units(Hidden);

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new ConvEnergy(this, "conv-energy", rng, from, to);
}
