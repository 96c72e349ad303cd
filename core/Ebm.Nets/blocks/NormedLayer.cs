namespace Ebm.Nets;

/// <summary>
/// A convolution or a dense layer of a residual net, in the net's arithmetic, with or without spectral normalisation: y = (W/σ ∗ x + b) g. The norm is
/// computed in float32.
/// </summary>
sealed class NormedLayer : nn.Module<Tensor, Tensor>
{
    readonly Modules.Conv2d? conv;
    readonly Modules.Linear? dense;
    readonly SpectralNorm? norm;
    readonly Precision precision;

    NormedLayer(Modules.Conv2d? conv, Modules.Linear? dense, SpectralNormSpec? spectral, Rng rng, Precision precision)
        : base(nameof(NormedLayer))
    {
        (this.conv, this.dense, this.precision) = (conv, dense, precision);
        nn.Module layer = conv is null ? dense! : conv;
        register_module("layer", layer);
        if (spectral is null)
            return;
        norm = new SpectralNorm(spectral, Weight.shape[0], rng.Stream("norm"));
        register_module("norm", norm);
    }

    /// <param name="from">Channels.</param>
    /// <param name="to">Channels.</param>
    /// <param name="kernel">Odd with stride 1: the layer keeps the side.</param>
    public static NormedLayer Conv(
        long from,
        long to,
        Rng rng,
        long kernel = 3,
        SpectralNormSpec? spectral = null,
        Precision precision = Precision.Float32,
        long stride = 1
    ) => new(nn.Conv2d(from, to, kernel, stride: stride, padding: kernel > 1 ? 1 : 0, device: rng.Device), null, spectral, rng, precision);

    public static NormedLayer Dense(
        long from,
        long to,
        Rng rng,
        SpectralNormSpec? spectral = null,
        Precision precision = Precision.Float32
    ) => new(null, nn.Linear(from, to, device: rng.Device), spectral, rng, precision);

    public override Tensor forward(Tensor x)
    {
        var (weight, bias) = (precision.Of(norm?.Of(Weight) ?? Weight), precision.Of(conv?.bias ?? dense!.bias!));
        x = x.to(weight.dtype);
        var y = conv is null
            ? nn.functional.linear(x, weight, bias)
            : Convolution.Of(x, weight, bias, conv.stride[0], (conv.padding ?? [0])[0]);
        return norm?.Gained(y) ?? y;
    }

    /// <summary>Makes the weights almost zero, as the released code of recovery likelihood does: a variance scale of 10⁻¹⁰.</summary>
    public void Shrink()
    {
        using var free = no_grad();
        Weight.mul_(1e-5);
    }

    Modules.Parameter Weight => conv?.weight ?? dense!.weight;
}
