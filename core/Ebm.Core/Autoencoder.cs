namespace Ebm.Core;

/// <summary>
/// A denoising autoencoder conditioned on the noise level: r(x̃, σ) = g(f(x̃, σ)), with encoder f, decoder g and optional skips between them. It
/// counts the cost of its passes, so implementations need not. A class, not an interface, because TorchSharp saves and restores modules.
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

    /// <summary>x̃ ↦ (r(x̃, σ) − x̃)/σ in plain memory, with the present weights; null if the autoencoder has no such form.</summary>
    /// <param name="noise">σ of each row, (B), float32 on the CPU, positive.</param>
    public virtual TiledFunction? Tiled(Tensor noise) => null;

    /// <summary>Computes the result of <see cref="Encode"/>.</summary>
    protected abstract Tensor Encoded(Tensor noisy, Tensor noise);

    /// <summary>Computes the result of <see cref="Restore"/>.</summary>
    protected abstract Tensor Restored(Tensor noisy, Tensor noise);
}

/// <summary>A record that builds a denoising autoencoder.</summary>
public interface IAutoencoderSpec
{
    /// <param name="codes">Numbers in z.</param>
    Autoencoder Build(Rng rng, long[] shape, long codes);
}
