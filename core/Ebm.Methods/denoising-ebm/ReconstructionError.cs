using Ebm.Core;

namespace Ebm.Methods;

/// <summary>The noise ε inside the energy: none, drawn once per chain, or drawn at every evaluation, as in the paper.</summary>
public enum EnergyNoise
{
    None,
    Fixed,
    Fresh,
}

/// <summary>
/// Reconstruction errors as energies, of rows (texture, eq. 7) and of codes (semantic, eq. 8), with x̃ = x + ε and ε ~ N(0, σ² I):
/// <code>U^c(x, σ) = |x − r(x̃, σ)|² / 2σ²,   U^s(z, σ) = U^c(h(z), σ)</code>
/// </summary>
/// <param name="autoencoder">r, conditioned on σ.</param>
/// <param name="decoder">h, from a code to a row.</param>
/// <param name="sigmas">σ of each level: (Levels).</param>
/// <param name="shape">Shape of one row.</param>
public sealed class ReconstructionError(
    Autoencoder autoencoder,
    nn.Module<Tensor, Tensor> decoder,
    Tensor sigmas,
    EnergyNoise noise,
    long[] shape
)
{
    /// <summary>U^c(·, σ). Its slope includes r's Jacobian (eq. 21); without it, it would not be a gradient.</summary>
    /// <param name="level">Level of each row's σ: (B) int64.</param>
    public Energy Texture(Tensor level, Rng rng)
    {
        var sigma = sigmas[level];
        var drawn = noise == EnergyNoise.Fixed ? rng.Normal(shape.Rows(level.shape[0])) : null;
        return new(x => Of(x, sigma, noise == EnergyNoise.Fresh ? rng.NormalLike(x) : drawn));
    }

    /// <summary>U^s(·, σ); as in the paper, its slope omits h's Jacobian.</summary>
    /// <param name="level">As for the texture energy.</param>
    public Energy Semantic(Tensor level, Rng rng)
    {
        var texture = Texture(level, rng);
        return new(z => texture.Of(decoder.call(z)));
    }

    /// <summary>U^c(·, σ) with ε = 0, all rows at one level.</summary>
    public Energy Noiseless(int level) => new(x => Of(x, sigmas[x.AllAt(level)], null));

    Tensor Of(Tensor x, Tensor sigma, Tensor? xi) =>
        (x - autoencoder.Restore(xi is null ? x : x + sigma.PerRow(x) * xi, sigma)).square().SumPerRow() / (2 * sigma.square());
}
