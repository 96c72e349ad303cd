namespace Ebm.Core;

/// <summary>
/// G: a network that maps latent noise to rows, x = G(z) with z ~ N(0, I). A class, not an interface, because TorchSharp saves and restores
/// modules.
/// </summary>
/// <param name="latent">Numbers in one z.</param>
public abstract class GeneratorNet(string name, long latent) : nn.Module<Tensor, Tensor>(name)
{
    public long Latent => latent;
}

/// <summary>
/// An invertible generator, which therefore has a density: log g(x) = log N(G⁻¹(x); 0, I) + log |det ∂G⁻¹/∂x|, exact in one pass. It counts the
/// cost of its passes, so implementations need not.
/// </summary>
public abstract class FlowNet(string name, long latent) : GeneratorNet(name, latent)
{
    /// <summary>x = G(z) and log |det ∂x/∂z|: (B, Latent) → (B, …Shape) and (B).</summary>
    public (Tensor X, Tensor LogVolume) Push(Tensor z)
    {
        Cost.Pass(z);
        return Pushed(z);
    }

    /// <summary>z = G⁻¹(x) and log |det ∂z/∂x|: (B, …Shape) → (B, Latent) and (B).</summary>
    public (Tensor Z, Tensor LogVolume) Pull(Tensor x)
    {
        Cost.Pass(x);
        return Pulled(x);
    }

    /// <summary>Computes the result of <see cref="Push"/>.</summary>
    protected abstract (Tensor X, Tensor LogVolume) Pushed(Tensor z);

    /// <summary>Computes the result of <see cref="Pull"/>.</summary>
    protected abstract (Tensor Z, Tensor LogVolume) Pulled(Tensor x);

    // Not counted here: the call itself is counted, as for any network.
    public sealed override Tensor forward(Tensor z) => Pushed(z).X;

    /// <summary>log g(x) in nats: (B, …Shape) → (B).</summary>
    public Tensor LogDensity(Tensor x)
    {
        var (z, logVolume) = Pull(x);
        return logVolume - z.square().sum(1) / 2 - Latent * Math.Log(2 * Math.PI) / 2;
    }

    /// <summary>−log g(x), normalised.</summary>
    public Energy Density =>
        new(x => -LogDensity(x), tiled: _ => (this as ITiledFlow)?.Tiled(inverted: true) is { } inverse ? new TiledDensity(inverse) : null);
}

/// <summary>A record that builds a generator of rows; with <c>FlowNet</c>, one with a density.</summary>
public interface IGeneratorSpec<out T>
    where T : GeneratorNet
{
    T Build(Rng rng, long[] shape);
}
