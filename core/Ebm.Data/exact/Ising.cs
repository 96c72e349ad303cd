namespace Ebm.Data;

/// <summary>
/// The Ising model on a periodic L × L lattice, with uniform noise that makes its spins continuous:
/// <code>P(s) = exp(β Σ_⟨ij⟩ s_i s_j) / Z,   s_i = ±1;   x_i = s_i + u_i,   u_i ~ U[−1, 1)
/// p(x) = P(sign x) / 2^{L²} where all x_i ∈ [−2, 2), otherwise 0</code>
/// with the sum over the 2L² pairs of neighbours. Z is the sum over all 2^{L²} states. The rows' regions are those of negative, zero and positive magnetisation
/// Σ s_i, whose masses are exact, too: at a large β, chains do not cross from one sign to the other.
/// Source: Ising 1925; dequantisation as for images (Theis, van den Oord and Bethge 2016).
/// </summary>
sealed class Ising : IExactLaw
{
    readonly IsingSpec spec;
    readonly Tensor states,
        cumulative;
    readonly double logZ;

    public Ising(IsingSpec spec, Device device)
    {
        this.spec = spec;
        Shape = [spec.Side * spec.Side];
        using (NewDisposeScope())
        {
            var bits = arange(1L << (int)Shape[0], dtype: int64, device: device).unsqueeze(1);
            states = (bits.bitwise_right_shift(arange(Shape[0], dtype: int64, device: device)).bitwise_and(1) * 2 - 1)
                .to(float32)
                .DetachFromDisposeScope();
            var exponents = Exponent(states.to(float64));
            logZ = exponents.logsumexp(0).item<double>();
            var masses = (exponents - logZ).exp();
            cumulative = masses.cumsum(0).DetachFromDisposeScope();
            Weights = zeros(3, dtype: float64, device: device).index_add(0, Nearest(states), masses, 1).DetachFromDisposeScope();
        }
    }

    public string Name => "ising";
    public long[] Shape { get; }
    public double HalfWidth => 4;
    public long Numbers => 7 * Shape[0];

    /// <summary>Masses of negative, zero and positive magnetisation.</summary>
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x)
    {
        var at = x.to(float64);
        var inside = ((at >= -2) & (at < 2)).all(-1);
        var log = Exponent(Spins(at)) - logZ - Shape[0] * Math.Log(2);
        return where(inside, log, full_like(log, double.NegativeInfinity));
    }

    public Tensor Draw(long count, Rng rng)
    {
        var state = searchsorted(cumulative.to(rng.Device), rng.UniformLike(empty(count, dtype: float64, device: rng.Device)), right: true);
        // Midpoints of 2²² slices, which float32 represents exactly, so that no draw is rounded onto an edge.
        const long slices = 1 << 22;
        var within = (rng.Integers(slices, count, Shape[0]).to(float64) + .5) / (slices / 2) - 1;
        return (states.to(rng.Device)[state.clamp(max: states.shape[0] - 1)] + within).to(float32);
    }

    /// <summary>0, 1 and 2 for a negative, zero and positive sum of spins.</summary>
    public Tensor Nearest(Tensor x) => Spins(x).sum(-1).sign().to(int64) + 1;

    static Tensor Spins(Tensor x) => where(x.lt(0), -ones_like(x), ones_like(x));

    /// <summary>β times the sum over pairs of neighbours: (B, L²) → (B).</summary>
    Tensor Exponent(Tensor spins)
    {
        var lattice = spins.reshape(-1, spec.Side, spec.Side);
        return spec.Coupling * (lattice * (lattice.roll(1, 1) + lattice.roll(1, 2))).sum([1, 2]);
    }
}

/// <summary>The Ising model on a small periodic lattice, made continuous, with its exact density.</summary>
/// <param name="Side">L, from 2 to 4.</param>
/// <param name="Coupling">β; on a large lattice, magnetisation begins at ln(1 + √2)/2 = .4407.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("ising")]
public sealed record IsingSpec(int Side = 4, double Coupling = .3, long Train = 100_000, long Test = 10_000) : ISpec<IDataset>
{
    public int Side { get; } = Require.Between(2, 4, Side);
    public double Coupling { get; } = Require.Between(-2, 2, Coupling);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new ExactData(new Ising(this, site.Device), Train, Test, site);
}
