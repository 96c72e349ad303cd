namespace Ebm.Nets;

/// <summary>A fully connected network: (B, …from) → (B, …to).</summary>
public sealed class Mlp : nn.Module<Tensor, Tensor>, ITiled, ITiledFunction
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
        if (!HasKernel(x))
            return Shaped(Plain(x));
        Tensor[] weights = [.. Weights];
        var y =
            is_grad_enabled() && (x.requires_grad || weights.Any(w => w.requires_grad))
                ? MlpFunction.apply([this, x, .. weights])
                : Pass(x, keeps: false).Y;
        return Shaped(y);
    }

    Tensor Shaped(Tensor y) => to.Length == 1 ? y : y.reshape(to.Rows(y.shape[0]));

    /// <summary>The network in libtorch's layers: (B, …from) → (B, outputs).</summary>
    internal Tensor Plain(Tensor x)
    {
        var h = nn.functional.linear(
            settings.InputScale == 1 ? x.Flat() : x.Flat() * settings.InputScale,
            layers[0].weight,
            layers[0].bias
        );
        foreach (var layer in layers.Skip(1))
            h = nn.functional.linear(settings.Activation.Of(h), layer.weight, layer.bias);
        return h;
    }

    /// <summary>The network in one pass of our own, without a graph: (B, …from) → (B, outputs).</summary>
    internal unsafe (Tensor Y, MlpPass Pass) Pass(Tensor x, bool keeps, bool learns = true)
    {
        Follow();
        var rows = x.Flat().contiguous();
        var y = empty(rows.shape[0], to.Size(), dtype: float32);
        var pass = new MlpPass(packed, settings.Activation, (float)settings.InputScale, rows.shape[0]);
        pass.Through(Floats.Of(rows), Floats.Of(y), keeps, learns);
        return (y, pass);
    }

    /// <summary>The gradient of its slope, for B rows.</summary>
    internal MlpSlopePass SlopePass(long rows)
    {
        Follow();
        return new(packed, settings.Activation, (float)settings.InputScale, rows);
    }

    /// <summary>Weight and bias of each layer in turn.</summary>
    internal IEnumerable<Tensor> Weights => layers.SelectMany(layer => (Tensor[])[layer.weight, layer.bias!]);

    bool HasKernel(Tensor x) =>
        Activated.Has(settings.Activation)
        && TiledEnergy.Takes(x)
        && x.numel() == x.shape[0] * packed[0].Inputs
        && TiledEnergy.Takes(layers[0].weight)
        && packed.All(layer => layer.Takes(x.shape[0]));

    void Follow()
    {
        for (var i = 0; i < layers.Length; i++)
            packed[i].Follow(layers[i]);
    }

    public TiledFunction? Map(Tensor x)
    {
        if (!HasKernel(x))
            return null;
        Follow();
        return new MlpMap(packed, settings.Activation, (float)settings.InputScale);
    }

    public TiledEnergy? Tiled(Tensor x, Tensor? column)
    {
        // Kernels read a column per row without checks.
        if (!HasKernel(x) || column is not null && (column.dtype != int64 || column.numel() != x.shape[0]))
            return null;
        Follow();
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
