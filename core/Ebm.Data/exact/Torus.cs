namespace Ebm.Data;

/// <summary>
/// A noisy torus: n circles of radius r in planes that are orthogonal to each other, with round noise in all d dimensions,
/// <code>x = H y,   y = (r cos θ_1, r sin θ_1, …, r cos θ_n, r sin θ_n, 0, …) + s ξ,   θ_i ~ U[0, 2π),   ξ ~ N(0, I)
/// p(x) = Π_i N₂(|u_i|; r, s) · N(v; 0, s² I),   N₂(ρ; r, s) = exp(−(ρ − r)² / 2s²) e^{−κ} I₀(κ) / 2πs²,   κ = rρ/s²</code>
/// with u_i the planes' coordinates of y and v the others. H is a reflection that mixes all coordinates, so that no coordinate of x shows the torus.
/// The manifold has n dimensions, and the density is full in d.
/// </summary>
sealed class Torus : IExactLaw
{
    readonly TorusSpec spec;
    readonly Tensor mirror;

    public Torus(TorusSpec spec, Device device)
    {
        this.spec = spec;
        Shape = [spec.Dimension];
        HalfWidth = Math.Max(4, Math.Ceiling(spec.Radius * Math.Sqrt(spec.Circles) + 8 * spec.Sd));
        using (NewDisposeScope())
        {
            var v = arange(1, spec.Dimension + 1, dtype: float64, device: device);
            mirror = (v / v.square().sum().sqrt()).DetachFromDisposeScope();
            var quarters = 1L << (2 * spec.Circles);
            Weights = full(quarters, 1.0 / quarters, dtype: float64, device: device).DetachFromDisposeScope();
        }
    }

    public string Name => "torus";
    public long[] Shape { get; }
    public double HalfWidth { get; }
    public long Numbers => 7 * Shape[0];

    /// <summary>Masses of the regions of <see cref="Nearest"/>: all equal.</summary>
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x)
    {
        var (y, twoVariances) = (Mirrored(x.to(float64)), 2 * spec.Sd * spec.Sd);
        var planes = y.narrow(-1, 0, 2 * spec.Circles).reshape(-1, spec.Circles, 2);
        var rho = planes.square().sum(-1).sqrt();
        var circles = special.i0e(spec.Radius * rho / (spec.Sd * spec.Sd)).log() - (rho - spec.Radius).square() / twoVariances;
        var others = y.narrow(-1, 2 * spec.Circles, Shape[0] - 2 * spec.Circles).square().sum(-1) / twoVariances;
        return circles.sum(-1) - others - Shape[0] * Math.Log(spec.Sd * Math.Sqrt(2 * Math.PI));
    }

    public Tensor Draw(long count, Rng rng)
    {
        var y = spec.Sd * rng.NormalLike(empty([count, Shape[0]], dtype: float64, device: rng.Device));
        var angles = 2 * Math.PI * rng.UniformLike(empty([count, spec.Circles], dtype: float64, device: rng.Device));
        y.narrow(1, 0, 2 * spec.Circles).add_(spec.Radius * stack([angles.cos(), angles.sin()], -1).flatten(1));
        return Mirrored(y).to(float32);
    }

    /// <summary>The quarter of each circle, by the signs of its two coordinates, as one number.</summary>
    public Tensor Nearest(Tensor x)
    {
        var signs = Mirrored(x.to(float64)).narrow(-1, 0, 2 * spec.Circles).gt(0).to(int64);
        return (signs * pow(2, arange(2 * spec.Circles, dtype: int64, device: x.device))).sum(-1);
    }

    /// <summary>H y = y − 2 v (v · y), which is its own inverse.</summary>
    Tensor Mirrored(Tensor y)
    {
        var v = mirror.to(y.device);
        return y - 2 * (y * v).sum(-1, keepdim: true) * v;
    }
}

/// <summary>A torus with noise in a space of many dimensions, with its exact density.</summary>
/// <param name="Dimension">Numbers in one row, at least 2 for each circle.</param>
/// <param name="Circles">Dimensions of the torus, 1 to 8.</param>
/// <param name="Radius">Radius of every circle.</param>
/// <param name="Sd">Standard deviation of the noise, in every direction.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("torus")]
public sealed record TorusSpec(
    int Dimension = 64,
    int Circles = 2,
    double Radius = 1.5,
    double Sd = .15,
    long Train = 100_000,
    long Test = 10_000
) : ISpec<IDataset>
{
    public int Circles { get; } = Require.Between(1, 8, Circles);
    public int Dimension { get; } =
        Require.That(
            Require.Between(2, 10_000, Dimension),
            Dimension >= 2 * Circles,
            "must be at least 2 for each circle",
            nameof(Dimension)
        );
    public double Radius { get; } = Require.Positive(Radius);
    public double Sd { get; } = Require.Positive(Sd);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new ExactData(new Torus(this, site.Device), Train, Test, site);
}
