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
    readonly AutoencoderKernel kernel;

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
        kernel = new(
            [.. All.Select(layer => new PackedLayer(layer.in_features, layer.out_features))],
            settings.Activation,
            (float)settings.InputScale
        );
        this.DrawnFrom(rng);
    }

    public override TiledFunction? Tiled(Tensor noise) =>
        HasKernel(noise) ? new TiledAutoencoder(Followed(), noise.log().contiguous()) : null;

    protected override unsafe Tensor Encoded(Tensor noisy, Tensor noise)
    {
        if (is_grad_enabled() || !HasKernel(noisy, noise))
            return code.call(Trunk(noisy, noise));
        var (z, x, logNoise) = (empty(noisy.shape[0], kernel.Codes, dtype: float32), noisy.contiguous(), noise.log().contiguous());
        new AutoencoderPass(Followed(), noisy.shape[0]).Encode(Floats.Of(x), Floats.Of(logNoise), Floats.Of(z));
        // Without a scope, nothing else refers to these during the pass.
        GC.KeepAlive((x, logNoise));
        return z;
    }

    protected override Tensor Restored(Tensor noisy, Tensor noise)
    {
        var u =
            !HasKernel(noisy, noise) ? Plain(noisy, noise)
            : is_grad_enabled() ? AutoencoderFunction.apply([this, noisy, noise, .. Weights])
            : Pass(noisy, noise, keeps: false).U;
        return noisy + noise.PerRow(noisy) * u.reshape(noisy.shape);
    }

    /// <summary>u in libtorch's layers: (B, numbers).</summary>
    internal Tensor Plain(Tensor noisy, Tensor noise)
    {
        var h = Trunk(noisy, noise);
        return last.call(settings.Activation.Of(skip.call(h) + join.call(code.call(h))));
    }

    /// <summary>u in one pass of our own, without a graph: (B, numbers).</summary>
    internal unsafe (Tensor U, AutoencoderPass Pass) Pass(Tensor noisy, Tensor noise, bool keeps)
    {
        var rows = noisy.shape[0];
        var u = empty(rows, kernel.Numbers, dtype: float32);
        var pass = new AutoencoderPass(Followed(), rows);
        var (x, logNoise) = (noisy.contiguous(), noise.log().contiguous());
        pass.Through(Floats.Of(x), Floats.Of(logNoise), Floats.Of(u), keeps);
        GC.KeepAlive((x, logNoise));
        return (u, pass);
    }

    /// <summary>Weight and bias of each layer in turn, in the kernel's order.</summary>
    internal IEnumerable<Tensor> Weights => All.SelectMany(layer => (Tensor[])[layer.weight, layer.bias!]);

    IEnumerable<Modules.Linear> All => [.. layers, code, skip, join, last];

    bool HasKernel(Tensor noisy, Tensor noise) =>
        TiledEnergy.Takes(noisy)
        && noisy.shape[0] == noise.shape[0]
        && noisy.numel() == noisy.shape[0] * kernel.Numbers
        && HasKernel(noise);

    bool HasKernel(Tensor noise) =>
        Activated.Has(settings.Activation) && TiledEnergy.Takes(noise) && noise.ndim == 1 && TiledEnergy.Takes(last.weight);

    AutoencoderKernel Followed()
    {
        foreach (var (packed, layer) in kernel.Layers.Zip(All))
            packed.Follow(layer);
        return kernel;
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
