namespace Ebm.Core;

/// <summary>
/// A denoising autoencoder that is told the noise: r(x̃, σ) = g(f(x̃, σ)), with skips from the encoder f to g where it has them. It counts
/// what its passes cost, so that no network has to. Abstract only because a module is what this ecosystem saves and restores.
/// </summary>
public abstract class Autoencoder(string name) : nn.Module(name)
{
    /// <summary>z = f(x̃, σ): (B, …), (B) → (B, codes).</summary>
    /// <param name="noise">σ of each row, in units of the data, positive.</param>
    public Tensor Encode(Tensor noisy, Tensor noise)
    {
        Cost.Pass(noisy);
        return Encoded(noisy, noise);
    }

    /// <summary>r(x̃, σ), an estimate of the clean row: (B, …), (B) → (B, …).</summary>
    /// <param name="noise">σ of each row, in units of the data, positive.</param>
    public Tensor Restore(Tensor noisy, Tensor noise)
    {
        Cost.Pass(noisy);
        return Restored(noisy, noise);
    }

    /// <summary>What <see cref="Encode"/> gives.</summary>
    protected abstract Tensor Encoded(Tensor noisy, Tensor noise);

    /// <summary>What <see cref="Restore"/> gives.</summary>
    protected abstract Tensor Restored(Tensor noisy, Tensor noise);
}

/// <summary>A record that builds a denoising autoencoder.</summary>
public interface IAutoencoderSpec
{
    /// <param name="codes">Numbers in z.</param>
    Autoencoder Build(Rng rng, long[] shape, long codes);
}
