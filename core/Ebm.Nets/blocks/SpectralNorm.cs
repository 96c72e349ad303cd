namespace Ebm.Nets;

/// <summary>
/// W/σ(W): a layer that stretches no direction, σ being the largest singular value (Miyato, Kataoka, Koyama and Yoshida 2018). σ = uᵀWv,
/// where u and v follow W by power iteration, v ∝ Wᵀu and u ∝ Wv, and are constants to the gradient: ∂σ/∂W = uvᵀ. Only u is kept, a
/// registered buffer.
/// </summary>
public sealed class SpectralNorm : nn.Module
{
    const double Least = 1e-6;
    readonly SpectralNormSpec settings;
    readonly Tensor u;
    readonly Modules.Parameter? gain;

    /// <param name="outputs">Rows of W: output units or channels.</param>
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

    /// <summary>(outputs, …) → the same, normalised; what follows the outputs counts as inputs.</summary>
    public Tensor Of(Tensor weight)
    {
        var w = weight.Flat();
        Tensor left,
            right;
        using (no_grad())
        {
            // A copy: the buffer may move again before the gradient is taken.
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
        // A layer begun near zero stays near zero: what is smaller than 1 is not inflated.
        return settings.LowerBound ? weight / (sigma + Least) * sigma.clamp(max: 1) : weight / sigma;
    }

    /// <summary>A layer's output, biases added, times each unit's or channel's learned gain, if any: (B, outputs, …) → the same.</summary>
    public Tensor Gained(Tensor h) => gain is null ? h : h * gain.reshape([1, -1, .. Enumerable.Repeat(1L, (int)h.ndim - 2)]);

    /// <summary>A chain's energy must not change under it, or its accept test compares two different ones.</summary>
    bool Advances => training && !(settings.Freeze && Cost.InSlope);

    static Tensor Unit(Tensor x) => x / (x.norm() + 1e-12);
}

/// <summary>Spectral normalisation of a net's layers, but not of its last.</summary>
/// <param name="Iterations">Of the power method, per pass of the network.</param>
/// <param name="Freeze">No iteration in the slopes that sampling asks for. Evaluation never iterates.</param>
/// <param name="LowerBound">W/σ · min(σ, 1): small weights are not inflated.</param>
/// <param name="Gain">A learned factor per unit, after the bias.</param>
public sealed record SpectralNormSpec(int Iterations = 1, bool Freeze = true, bool LowerBound = false, bool Gain = false)
{
    public int Iterations { get; } = Require.Between(1, 1000, Iterations);
}
