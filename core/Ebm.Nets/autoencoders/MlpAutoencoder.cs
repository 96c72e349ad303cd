namespace Ebm.Nets;

/// <summary>
/// A fully connected autoencoder: the encoder's input is (x̃, log σ), z is linear in its last layer, and g receives both, so that detail can bypass
/// z. r(x̃, σ) = x̃ + σ u, so that u and the slope of |x − r|²/2σ² have unit size at every σ.
/// </summary>
public sealed class MlpAutoencoder : Autoencoder
{
    readonly Modules.Linear[] layers;
    readonly Modules.Linear code,
        skip,
        join,
        last;
    readonly MlpAutoencoderSpec settings;

    public MlpAutoencoder(MlpAutoencoderSpec settings, Rng rng, long[] shape, long codes)
        : base(nameof(MlpAutoencoder))
    {
        this.settings = settings;
        var (width, device) = ((long)settings.Width, rng.Device);
        long[] widths = [shape.Size() + 1, .. Enumerable.Repeat(width, settings.Depth - 1)];
        layers = [.. widths.Zip(widths.Skip(1), (a, b) => nn.Linear(a, b, device: device))];
        for (var i = 0; i < layers.Length; i++)
            register_module($"layer{i}", layers[i]);
        code = nn.Linear(width, codes, device: device);
        skip = nn.Linear(width, width, device: device);
        join = nn.Linear(codes, width, device: device);
        last = nn.Linear(width, shape.Size(), device: device);
        foreach (var (name, layer) in new[] { ("code", code), ("skip", skip), ("join", join), ("last", last) })
            register_module(name, layer);
        this.DrawnFrom(rng);
    }

    protected override Tensor Encoded(Tensor noisy, Tensor noise) => code.call(Trunk(noisy, noise));

    protected override Tensor Restored(Tensor noisy, Tensor noise)
    {
        var h = Trunk(noisy, noise);
        var u = last.call(settings.Activation.Of(skip.call(h) + join.call(code.call(h))));
        return noisy + noise.PerRow(noisy) * u.reshape(noisy.shape);
    }

    Tensor Trunk(Tensor noisy, Tensor noise)
    {
        var h = cat([noisy.Flat() * settings.InputScale, noise.log().unsqueeze(1)], 1);
        foreach (var layer in layers)
            h = settings.Activation.Of(layer.call(h));
        return h;
    }
}

/// <summary>A fully connected denoising autoencoder.</summary>
/// <param name="Width">Units per hidden layer.</param>
/// <param name="Depth">Hidden layers, including the decoder's one.</param>
/// <param name="InputScale">Multiplies the input row.</param>
[Kind("mlp-autoencoder")]
public sealed record MlpAutoencoderSpec(int Width = 128, int Depth = 3, Activation Activation = Activation.Silu, double InputScale = 3)
    : IAutoencoderSpec
{
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth, least: 2);
    public double InputScale { get; } = Require.Positive(InputScale);

    public Autoencoder Build(Rng rng, long[] shape, long codes) => new MlpAutoencoder(this, rng, shape, codes);
}
