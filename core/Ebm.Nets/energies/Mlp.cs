namespace Ebm.Nets;

/// <summary>A fully connected network: (B, …from) → (B, …to).</summary>
public sealed class Mlp : nn.Module<Tensor, Tensor>, ITiled
{
    readonly Modules.Linear[] layers;
    readonly PackedLayer[] packed;
    readonly MlpSpec settings;
    readonly long[] to;

    public Mlp(MlpSpec settings, Rng rng, long[] from, long[] to)
        : base(nameof(Mlp))
    {
        (this.settings, this.to) = (settings, to);
        long[] widths = [from.Size(), .. Enumerable.Repeat((long)settings.Width, settings.Depth), to.Size()];
        layers = [.. widths.Zip(widths.Skip(1), (a, b) => nn.Linear(a, b, device: rng.Device))];
        packed = [.. widths.Zip(widths.Skip(1), (a, b) => new PackedLayer(a, b))];
        for (var i = 0; i < layers.Length; i++)
            register_module($"layer{i}", layers[i]);
        this.DrawnFrom(rng);
    }

    public override Tensor forward(Tensor x)
    {
        var h = layers[0].call(settings.InputScale == 1 ? x.Flat() : x.Flat() * settings.InputScale);
        foreach (var layer in layers.Skip(1))
            h = layer.call(settings.Activation.Of(h));
        return to.Length == 1 ? h : h.reshape(to.Rows(h.shape[0]));
    }

    public TiledEnergy? Tiled(Tensor x, Tensor? column)
    {
        if (!Activated.Has(settings.Activation) || !TiledEnergy.Takes(layers[0].weight))
            return null;
        for (var i = 0; i < layers.Length; i++)
            packed[i].Follow(layers[i]);
        return new TiledMlp(packed, settings.Activation, (float)settings.InputScale, TiledMlp.Checked(column, (int)to.Size()));
    }
}

/// <summary>A fully connected network.</summary>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">Multiplies the input row; for unit-scale data, 3 makes detail easier to learn.</param>
[Kind("mlp")]
public sealed record MlpSpec(int Width = 128, int Depth = 3, Activation Activation = Activation.Silu, double InputScale = 1) : INetSpec
{
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth);
    public double InputScale { get; } = Require.Positive(InputScale);

    public nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to) => new Mlp(this, rng, from, to);
}
