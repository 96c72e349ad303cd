namespace Ebm.Nets;

/// <summary>
/// A residual block that may be told the noise level by an embedding e:
/// <code>y = shortcut(x) + conv₂(a(conv₁(a(x)) + dense(a(e))))</code>
/// with 3×3 convolutions that keep the side, and a shortcut that is the identity unless the number of channels changes. conv₂ may begin near zero, so that
/// the block begins as its shortcut.
/// </summary>
sealed class ResidualBlock : nn.Module
{
    readonly NormedLayer conv1,
        conv2;
    readonly NormedLayer? embedded,
        shortcut;
    readonly ResidualStyle style;

    public ResidualBlock(ResidualStyle style, long from, long to, Rng rng)
        : base(nameof(ResidualBlock))
    {
        this.style = style;
        var (spectral, precision) = (style.Spectral, style.Precision);
        conv1 = NormedLayer.Conv(from, to, rng.Stream("conv1"), 3, spectral, precision);
        embedded = style.Embedding > 0 ? NormedLayer.Dense(style.Embedding, to, rng.Stream("embedded"), spectral) : null;
        // A layer that begins near zero must not be scaled up to norm 1.
        var last = style.NearZero && spectral is not null ? spectral with { LowerBound = true, Gain = true } : spectral;
        conv2 = NormedLayer.Conv(to, to, rng.Stream("conv2"), 3, last, precision);
        shortcut = from == to ? null : NormedLayer.Conv(from, to, rng.Stream("shortcut"), style.ShortcutKernel, spectral, precision);
        RegisterComponents();
    }

    /// <summary>(B, from, H, W) and, if the block is told one, (B, embedding) → (B, to, H, W).</summary>
    public Tensor Of(Tensor x, Tensor? e = null)
    {
        var h = conv1.call(Active(x));
        if (embedded is not null)
            h = h + embedded.call(Active(e!)).to(h.dtype).unsqueeze(2).unsqueeze(3);
        return (shortcut?.call(x) ?? x) + conv2.call(Active(h));
    }

    /// <summary>After all weights are drawn.</summary>
    public void Begin()
    {
        if (style.NearZero)
            conv2.Shrink();
    }

    Tensor Active(Tensor x) => style.Activation.Of(x);
}

/// <summary>What the residual blocks of a net have in common.</summary>
/// <param name="Spectral">Spectral normalisation of all layers; null: none.</param>
/// <param name="Embedding">Numbers of the embedding; 0: none.</param>
/// <param name="NearZero">Begin the second convolution near zero.</param>
/// <param name="ShortcutKernel">Side of the shortcut's kernel.</param>
sealed record ResidualStyle(
    Activation Activation,
    Precision Precision = Precision.Float32,
    SpectralNormSpec? Spectral = null,
    long Embedding = 0,
    bool NearZero = true,
    long ShortcutKernel = 1
);
