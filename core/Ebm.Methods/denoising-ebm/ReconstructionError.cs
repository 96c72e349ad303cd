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
        var (sigma, xi) = Noise(level, rng);
        return new(
            x => Of(x, sigma, xi ?? Fresh(x, rng)),
            tiled: x => noise == EnergyNoise.Fresh ? null : Tiled(x, x.shape[1..].Size(), sigma, xi)
        );
    }

    /// <summary>U^s(·, σ). Its slope goes through h; as in the paper, chains of codes do not correct for the volume that h stretches.</summary>
    /// <param name="level">As for the texture energy.</param>
    public Energy Semantic(Tensor level, Rng rng)
    {
        var (sigma, xi) = Noise(level, rng);
        return new(
            z =>
            {
                var x = decoder.call(z);
                return Of(x, sigma, xi ?? Fresh(x, rng));
            },
            tiled: z =>
                noise != EnergyNoise.Fresh && (decoder as ITiledFunction)?.Map(z) is { } h && Tiled(z, h.Outputs, sigma, xi) is { } texture
                    ? new TiledComposed(h, texture)
                    : null
        );
    }

    /// <summary>U^c(·, σ) with ε = 0, all rows at one level.</summary>
    public Energy Noiseless(int level) =>
        new(x => Of(x, sigmas[x.AllAt(level)], null), tiled: x => Tiled(x, x.shape[1..].Size(), sigmas[x.AllAt(level)], null));

    (Tensor Sigma, Tensor? Xi) Noise(Tensor level, Rng rng) =>
        (sigmas[level], noise == EnergyNoise.Fixed ? rng.Normal(shape.Rows(level.shape[0])).to(sigmas.dtype) : null);

    Tensor? Fresh(Tensor x, Rng rng) => noise == EnergyNoise.Fresh ? rng.NormalLike(x) : null;

    /// <summary>The texture energy on tiles; null if the autoencoder has no such form.</summary>
    /// <param name="batch">Rows, or codes that become rows.</param>
    /// <param name="numbers">Numbers in a row.</param>
    TiledEnergy? Tiled(Tensor batch, long numbers, Tensor sigma, Tensor? xi) =>
        batch.shape[0] == sigma.shape[0]
        && TiledEnergy.Takes(sigma)
        && (xi is null || TiledEnergy.Takes(xi))
        && autoencoder.Tiled(sigma) is { } shift
        && shift.Inputs == numbers
            ? new TiledReconstructionError(shift, sigma, xi)
            : null;

    Tensor Of(Tensor x, Tensor sigma, Tensor? xi) =>
        (x - autoencoder.Restore(xi is null ? x : x + sigma.PerRow(x) * xi, sigma)).square().SumPerRow() / (2 * sigma.square());
}
