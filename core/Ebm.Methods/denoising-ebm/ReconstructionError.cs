using Ebm.Core;

namespace Ebm.Methods;

/// <summary>The noise ε inside the energy: none, drawn once for a chain, or drawn at every evaluation, as printed.</summary>
public enum EnergyNoise
{
    None,
    Fixed,
    Fresh,
}

/// <summary>
/// Errors of reconstruction as energies, of rows (texture, eq. 7) and of codes (semantic, eq. 8), with x̃ = x + ε and ε ~ N(0, σ² I):
/// <code>U^c(x, σ) = |x − r(x̃, σ)|² / 2σ²,   U^s(z, σ) = U^c(h(z), σ)</code>
/// </summary>
/// <param name="autoencoder">r, told σ.</param>
/// <param name="decoder">h, from a code to a row.</param>
/// <param name="sigmas">σ of each level: (Levels).</param>
/// <param name="shape">Of one row.</param>
public sealed class ReconstructionError(
    Autoencoder autoencoder,
    nn.Module<Tensor, Tensor> decoder,
    Tensor sigmas,
    EnergyNoise noise,
    long[] shape
)
{
    /// <summary>U^c(·, σ). Its slope goes through r (eq. 21): without r's Jacobian it is no gradient.</summary>
    /// <param name="level">Of each row's σ: (B) int64.</param>
    public Energy Texture(Tensor level, Rng rng)
    {
        var sigma = sigmas[level];
        var drawn = noise == EnergyNoise.Fixed ? rng.Normal(shape.Rows(level.shape[0])) : null;
        return new(x => Of(x, sigma, noise == EnergyNoise.Fresh ? rng.NormalLike(x) : drawn));
    }

    /// <summary>U^s(·, σ), in which h's Jacobian is left out, as the paper does.</summary>
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
