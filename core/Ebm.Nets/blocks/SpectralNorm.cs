namespace Ebm.Nets;

/// <summary>
/// Spectral normalisation, W/σ(W) with σ the largest singular value, so that the layer stretches no direction (Miyato, Kataoka, Koyama and Yoshida
/// 2018). σ = uᵀWv, where power iteration updates u and v, v ∝ Wᵀu and u ∝ Wv; they are constants for the gradient: ∂σ/∂W = uvᵀ. Only u is stored,
/// in a registered buffer.
/// </summary>
public sealed class SpectralNorm : nn.Module
{
    const double Least = 1e-6;
    readonly SpectralNormSpec settings;
    readonly Tensor u;
    readonly Modules.Parameter? gain;

    /// <param name="outputs">Rows of W, one per output unit or channel.</param>
    public SpectralNorm(SpectralNormSpec settings, long outputs, Rng rng)
        : base(nameof(SpectralNorm))
    {
        this.settings = settings;
        u = Unit(rng.Normal(outputs));
        register_buffer("u", u);
        if (!settings.Gain)
            return;
        gain = nn.Parameter(ones(outputs, device: rng.Device));
        register_parameter("gain", gain);
    }

    /// <summary>(outputs, …) → the same, normalised; the remaining dimensions count as inputs.</summary>
    public Tensor Of(Tensor weight)
    {
        var w = weight.Flat();
        Tensor left,
            right;
        using (no_grad())
        {
            // A copy, because the buffer may change before the gradient is computed.
            left = u.clone();
            right = Unit(w.t().mv(left));
            if (Advances)
            {
                for (var i = 0; i < settings.Iterations; i++)
                {
                    left = Unit(w.mv(right));
                    if (i < settings.Iterations - 1)
                        right = Unit(w.t().mv(left));
                }
                u.copy_(left);
            }
        }
        var sigma = left.dot(w.mv(right));
        // A layer that starts near zero stays near zero: σ below 1 does not scale it up.
        return settings.LowerBound ? weight / (sigma + Least) * sigma.clamp(max: 1) : weight / sigma;
    }

    /// <summary>Multiplies a layer's output, with biases, by the learned gain of each unit or channel, if any: (B, outputs, …) → the
    /// same.</summary>
    public Tensor Gained(Tensor h) => gain is null ? h : h * gain.reshape([1, -1, .. Enumerable.Repeat(1L, (int)h.ndim - 2)]);

    /// <summary>A chain's energy must stay fixed; otherwise its accept test would compare two different energies.</summary>
    bool Advances => training && !(settings.Freeze && Cost.InSlope);

    static Tensor Unit(Tensor x) => x / (x.norm() + 1e-12);
}

/// <summary>Spectral normalisation of all layers of a net except the last.</summary>
/// <param name="Iterations">Power iterations per pass of the network.</param>
/// <param name="Freeze">Do not iterate when sampling computes slopes. Evaluation never iterates.</param>
/// <param name="LowerBound">W/σ · min(σ, 1): small weights are not scaled up.</param>
/// <param name="Gain">Multiply each unit's output, with its bias, by a learned factor.</param>
public sealed record SpectralNormSpec(int Iterations = 1, bool Freeze = true, bool LowerBound = false, bool Gain = false)
{
    public int Iterations { get; } = Require.Between(1, 1000, Iterations);
}
