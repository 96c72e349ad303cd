namespace Ebm.Core;

/// <summary>
/// G: a network that turns latent noise into rows, x = G(z) with z ~ N(0, I). Abstract only because a module is what this ecosystem
/// saves and restores.
/// </summary>
/// <param name="latent">Numbers in one z.</param>
public abstract class GeneratorNet(string name, long latent) : nn.Module<Tensor, Tensor>(name)
{
    public long Latent => latent;
}

/// <summary>
/// A generator that can be inverted, and so has a density: log g(x) = log N(G⁻¹(x); 0, I) + log |det ∂G⁻¹/∂x|, exact in one pass.
/// It counts what its passes cost, so that no flow has to.
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

    /// <summary>What <see cref="Push"/> gives.</summary>
    protected abstract (Tensor X, Tensor LogVolume) Pushed(Tensor z);

    /// <summary>What <see cref="Pull"/> gives.</summary>
    protected abstract (Tensor Z, Tensor LogVolume) Pulled(Tensor x);

    // A call is counted as any network's is.
    public sealed override Tensor forward(Tensor z) => Pushed(z).X;

    /// <summary>log g(x) in nats: (B, …Shape) → (B).</summary>
    public Tensor LogDensity(Tensor x)
    {
        var (z, logVolume) = Pull(x);
        return logVolume - z.square().sum(1) / 2 - Latent * Math.Log(2 * Math.PI) / 2;
    }
}

/// <summary>A record that builds a generator of rows; of <c>FlowNet</c>, one with a density.</summary>
public interface IGeneratorSpec<out T>
    where T : GeneratorNet
{
    T Build(Rng rng, long[] shape);
}
