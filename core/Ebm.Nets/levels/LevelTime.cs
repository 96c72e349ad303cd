namespace Ebm.Nets;

/// <summary>
/// A time-conditioned ladder: one scalar network that receives the level through embeddings, h_i = a(W_i h_{i−1} + e_i(ℓ)). Levels share all
/// weights but the embeddings; computing all levels costs one pass each.
/// </summary>
public sealed class LevelTime : LevelNet
{
    readonly Modules.Linear[] layers;
    readonly Modules.Embedding[] embeddings;
    readonly SpectralNorm[] norms;
    readonly LevelTimeSpec settings;

    public LevelTime(LevelTimeSpec settings, Rng rng, long[] shape, int levels)
        : base(nameof(LevelTime))
    {
        this.settings = settings;
        Levels = levels;
        long[] widths = [shape.Size(), .. Enumerable.Repeat((long)settings.Width, settings.Depth), 1];
        layers = [.. widths.Zip(widths.Skip(1), (a, b) => nn.Linear(a, b, device: rng.Device))];
        // TorchSharp allocates an embedding on the CPU and then moves it, even to the meta device.
        Capacity.For(settings.Width, (double)sizeof(float) * levels * settings.Width, $"embeddings of {levels} levels", "width");
        embeddings = [.. widths.Skip(1).Select(width => nn.Embedding(levels, width, device: rng.Device))];
        for (var i = 0; i < layers.Length; i++)
        {
            register_module($"layer{i}", layers[i]);
            register_module($"level{i}", embeddings[i]);
        }
        this.DrawnFrom(rng);
        norms = settings.Spectral is not { } spectral
            ? []
            : [.. layers.SkipLast(1).Select((layer, i) => new SpectralNorm(spectral, layer.weight.shape[0], rng.Stream($"norm{i}")))];
        for (var i = 0; i < norms.Length; i++)
            register_module($"norm{i}", norms[i]);
    }

    public override int Levels { get; }

    protected override Tensor EnergyAt(Tensor x, Tensor level)
    {
        var h = x.Flat() * settings.InputScale;
        for (var i = 0; i < layers.Length; i++)
        {
            h = (i < norms.Length ? Normed(i, h) : layers[i].call(h)) + embeddings[i].call(level);
            if (i < layers.Length - 1)
                h = settings.Activation.Of(h);
        }
        return h.squeeze(1);
    }

    Tensor Normed(int i, Tensor h) => norms[i].Gained(nn.functional.linear(h, norms[i].Of(layers[i].weight), layers[i].bias));
}

/// <summary>A fully connected network with one embedding of the level per layer.</summary>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">Multiplies the input row.</param>
/// <param name="Spectral">Spectral normalisation of all layers except the last; null: none.</param>
[Kind("level-time")]
public sealed record LevelTimeSpec(
    int Width = 128,
    int Depth = 3,
    Activation Activation = Activation.Silu,
    double InputScale = 3,
    SpectralNormSpec? Spectral = null
) : ILevelEnergySpec
{
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth);
    public double InputScale { get; } = Require.Positive(InputScale);

    public LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise) => new LevelTime(this, rng, shape, noise.Levels);
}
