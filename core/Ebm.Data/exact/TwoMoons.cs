namespace Ebm.Data;

/// <summary>
/// Two interlocking half circles with Gaussian noise. The upper moon is the half circle of radius r about c = (−r/2, −r/4), the lower
/// one its reflection in the origin:
/// <code>p(x) = ½ A(x) + ½ A(−x),   A(x) = (1/π) ∫₀^π N(x; c + r (cos θ, sin θ), s² I) dθ</code>
/// With the polar coordinates ρ, φ of x − c the integrand is exp(−κ (1 − cos(θ − φ))), κ = ρ r / s²: a smooth peak at the nearest point
/// of the arc. Gauss–Legendre integrates each side of the peak up to the point where it has fallen by e⁻⁴⁰, which is exact to double
/// precision.
/// </summary>
sealed class TwoMoons : IExactLaw
{
    const int Nodes = 24;
    const double Negligible = 40;
    static readonly (double[] Points, double[] Weights) Legendre = GaussLegendre(Nodes);
    readonly double radius,
        sd;

    public TwoMoons(TwoMoonsSpec spec, Device device)
    {
        (radius, sd) = (spec.Radius, spec.Sd);
        HalfWidth = Math.Max(4, Math.Ceiling(1.5 * radius + 8 * sd));
        Weights = full(2, .5, dtype: float64, device: device).DetachFromDisposeScope();
    }

    public string Name => "two-moons";
    public long[] Shape { get; } = [2];
    public double HalfWidth { get; }
    public long Numbers => 8;
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (logaddexp(LogMoon(x), LogMoon(-x)) - Math.Log(2)).MoveToOuterDisposeScope();
    }

    public Tensor Draw(long count, Rng rng)
    {
        var angle = Math.PI * rng.UniformLike(empty(count, dtype: float64, device: rng.Device));
        var upper = radius * stack([angle.cos() - .5, angle.sin() - .25], -1);
        var side = 1 - 2 * rng.Integers(2, count, 1);
        return (side * upper + sd * rng.Normal(count, 2)).to(float32);
    }

    /// <summary>The more likely moon of each row: 0 the upper, 1 the lower. By symmetry each has half of the mass.</summary>
    public Tensor Nearest(Tensor x) => (LogMoon(-x) > LogMoon(x)).to(int64);

    /// <summary>log A: (B, 2) → (B), float64.</summary>
    Tensor LogMoon(Tensor x)
    {
        var across = x.select(-1, 0).to(float64) + radius / 2;
        var up = x.select(-1, 1).to(float64) + radius / 4;
        var rho = (across.square() + up.square()).sqrt();
        return logaddexp(LogSide(up.atan2(across), rho), LogSide(up.atan2(-across), rho))
            - (rho - radius).square() / (2 * sd * sd)
            - Math.Log(Math.PI * 2 * Math.PI * sd * sd);
    }

    /// <summary>
    /// log ∫ exp(−κ (1 − cos δ)) dδ over the points of the arc on one side of φ; δ is the angle from φ. If φ points at the arc, δ goes from
    /// 0 to φ; otherwise from the arc's end at −φ to the far point at π. The other side is the mirror image.
    /// </summary>
    Tensor LogSide(Tensor phi, Tensor rho)
    {
        var kappa = rho * radius / (sd * sd);
        var low = (-phi).clamp(min: 0);
        var peak = low.cos();
        var fallen = (peak - Negligible / kappa).clamp(min: -1).acos();
        var length = minimum(fallen, where(phi >= 0, phi, full_like(phi, Math.PI))) - low;
        var delta = low.unsqueeze(-1) + length.unsqueeze(-1) * On(phi, Legendre.Points);
        var integral = length * (kappa.unsqueeze(-1) * (delta.cos() - peak.unsqueeze(-1))).exp().matmul(On(phi, Legendre.Weights));
        return integral.log() - kappa * (1 - peak);
    }

    static Tensor On(Tensor like, double[] values) => tensor(values, dtype: float64).to(like.device);

    /// <summary>Points and weights of the Gauss–Legendre rule on [0, 1], exact for polynomials of degree 2n − 1.</summary>
    static (double[], double[]) GaussLegendre(int n)
    {
        var (points, weights) = (new double[n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            var (z, slope, last) = (Math.Cos(Math.PI * (i + .75) / (n + .5)), 0.0, double.NaN);
            for (var newton = 0; newton < 50 && !(Math.Abs(z - last) < 1e-15); newton++)
            {
                var (previous, value) = (0.0, 1.0);
                for (var k = 0; k < n; k++)
                    (previous, value) = (value, ((2 * k + 1) * z * value - k * previous) / (k + 1));
                slope = n * (z * value - previous) / (z * z - 1);
                (last, z) = (z, z - value / slope);
            }
            (points[i], weights[i]) = ((1 - z) / 2, 1 / ((1 - z * z) * slope * slope));
        }
        return (points, weights);
    }
}

/// <summary>Two interlocking half circles with Gaussian noise, with their exact density.</summary>
/// <param name="Radius">Radius of each half circle.</param>
/// <param name="Sd">Standard deviation of the noise.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("two-moons")]
public sealed record TwoMoonsSpec(double Radius = 1.2, double Sd = .12, long Train = 100_000, long Test = 10_000) : ISpec<IDataset>
{
    public double Radius { get; } = Require.Positive(Radius);
    public double Sd { get; } = Require.Positive(Sd);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new ExactData(new TwoMoons(this, site.Device), Train, Test, site);
}
