namespace Ebm.Nets;

/// <summary>
/// An embedding of a number t such as a level: sines and cosines of t at geometric frequencies from 1 to 10⁻⁴, then two dense layers with an activation
/// between them (Ho, Jain and Abbeel 2020): (B) → (B, 4 width).
/// </summary>
sealed class TimeEmbedding : nn.Module<Tensor, Tensor>
{
    readonly NormedLayer first,
        second;
    readonly Activation activation;
    readonly long width;

    /// <param name="width">Sines and cosines together, an even number of at least 4.</param>
    public TimeEmbedding(long width, Activation activation, SpectralNormSpec? spectral, Rng rng)
        : base(nameof(TimeEmbedding))
    {
        (this.width, this.activation) = (width, activation);
        first = NormedLayer.Dense(width, 4 * width, rng.Stream("first"), spectral);
        second = NormedLayer.Dense(4 * width, 4 * width, rng.Stream("second"), spectral);
        RegisterComponents();
    }

    public override Tensor forward(Tensor t) => second.call(activation.Of(first.call(Waves(t, width))));

    /// <summary>Sines, then cosines: (B) → (B, width).</summary>
    internal static Tensor Waves(Tensor t, long width)
    {
        var half = width / 2;
        var frequencies = (arange(half, dtype: t.dtype, device: t.device) * (-Math.Log(10_000) / (half - 1))).exp();
        var angles = t.unsqueeze(1) * frequencies;
        return cat([angles.sin(), angles.cos()], 1);
    }

    /// <summary>A number in (0, 1000) for a noise level, arctan(noise/signal) 2000/π: the tangent of the angle is the ratio, so log-SNRs from −∞ to ∞ are
    /// told apart (as in the code of cooperative recovery likelihood).</summary>
    internal static Tensor Angle(Tensor noise, Tensor signal) => (noise / signal).atan() * (2000 / Math.PI);

    /// <summary>A record whose width suits an embedding.</summary>
    internal static T Checked<T>(T settings, Func<T, int> width, string setting) =>
        width(settings) >= 4 && width(settings) % 2 == 0
            ? settings
            : throw new SettingException(
                setting,
                $"has a width of {width(settings)}; for sines and cosines of the noise level it must be even and at least 4"
            );
}
