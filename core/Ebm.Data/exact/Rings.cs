namespace Ebm.Data;

/// <summary>
/// Concentric rings in the plane: the angle is uniform, the distance from the origin Gaussian about a ring's radius.
/// <code>x = ϱ (cos θ, sin θ),   θ ~ U[0, 2π),   ϱ ~ Σ_k w_k N(r_k, s²)
/// p(x) = Σ_k w_k [N(ρ; r_k, s²) + N(−ρ; r_k, s²)] / 2πρ,   ρ = |x|</code>
/// The divisor is the length 2πρ of a circle; the second term comes from negative ϱ, which give points opposite to their angle. If r_k / s
/// is large, the singularity at the origin is far below rounding.
/// </summary>
sealed class Rings : IExactLaw
{
    readonly double sd;
    readonly Tensor radii,
        logWeights;

    public Rings(RingsSpec spec, Device device)
    {
        sd = spec.Sd;
        HalfWidth = Math.Max(4, Math.Ceiling(spec.Radii.Max() + 8 * sd));
        using (NewDisposeScope())
        {
            radii = tensor(spec.Radii, dtype: float64).to(device).DetachFromDisposeScope();
            logWeights = tensor(spec.Weights, dtype: float64).to(device).log().DetachFromDisposeScope();
            Weights = RegionMasses().DetachFromDisposeScope();
        }
    }

    public string Name => "rings";
    public long[] Shape { get; } = [2];
    public double HalfWidth { get; }
    public long Numbers => 4 + 4 * radii.shape[0];

    /// <summary>Exact masses of the regions of <see cref="Nearest"/>. They differ from the weights by the mass beyond a region's border.</summary>
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x)
    {
        var rho = Distance(x);
        return (logWeights + logaddexp(Exponent(rho), Exponent(-rho))).logsumexp(-1)
            - Math.Log(sd * Math.Sqrt(2 * Math.PI))
            - (2 * Math.PI * rho.squeeze(-1)).log();
    }

    public Tensor Draw(long count, Rng rng)
    {
        var ring = rng.Categorical(logWeights.to(rng.Device).expand(count, -1));
        var angle = 2 * Math.PI * rng.UniformLike(empty(count, dtype: float64, device: rng.Device));
        var rho = radii.to(rng.Device)[ring] + sd * rng.NormalLike(angle);
        return (rho.unsqueeze(-1) * stack([angle.cos(), angle.sin()], -1)).to(float32);
    }

    /// <summary>The ring whose radius is nearest.</summary>
    public Tensor Nearest(Tensor x) => (Distance(x) - radii).abs().argmin(-1);

    /// <summary>−(ρ − r_k)² / 2s²: (B, 1) → (B, K).</summary>
    Tensor Exponent(Tensor rho) => -(rho - radii).square() / (2 * sd * sd);

    /// <summary>Masses of the regions, (K), in the order of the settings. Regions meet halfway between neighbouring radii.</summary>
    Tensor RegionMasses()
    {
        var (sorted, order) = radii.sort();
        var edges = (sorted.narrow(0, 0, sorted.shape[0] - 1) + sorted.narrow(0, 1, sorted.shape[0] - 1)) / 2;
        var (first, last) = (
            zeros(1, dtype: float64, device: radii.device),
            full(1, double.PositiveInfinity, dtype: float64, device: radii.device)
        );
        var bounds = cat([first, edges, last], 0).unsqueeze(-1);
        var below = (logWeights.exp() * (Normal((bounds - radii) / sd) - Normal((-bounds - radii) / sd))).sum(-1);
        return (below.narrow(0, 1, sorted.shape[0]) - below.narrow(0, 0, sorted.shape[0]))[order.argsort()];
    }

    /// <summary>(B, 2) → (B, 1), float64.</summary>
    static Tensor Distance(Tensor x) => x.to(float64).square().sum(-1, keepdim: true).sqrt();

    static Tensor Normal(Tensor z) => (1 + (z / Math.Sqrt(2)).erf()) / 2;
}

/// <summary>Concentric rings in the plane, with their exact density.</summary>
/// <param name="Radii">Radii of the rings, all different; default .6, 1.2, 1.8.</param>
/// <param name="Weights">One per ring, positive, summing to 1; default .2, .3, .5, or equal ones for other radii.</param>
/// <param name="Sd">Standard deviation of the distance from the origin about a ring's radius.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("rings")]
public sealed record RingsSpec(double[]? Radii = null, double[]? Weights = null, double Sd = .08, long Train = 100_000, long Test = 10_000)
    : ISpec<IDataset>
{
    public double[] Radii { get; } =
        Require.That(
            Radii ?? [.6, 1.2, 1.8],
            Radii is null
                || (Radii.Length > 0 && Radii.All(r => r > 0 && float.IsFinite((float)r)) && Radii.Distinct().Count() == Radii.Length),
            "must be positive numbers, all different",
            nameof(Radii)
        );
    public double[] Weights { get; } =
        Require.That(
            Weights ?? (Radii is null ? [.2, .3, .5] : [.. Radii.Select(_ => 1.0 / Radii.Length)]),
            Weights is null || (Weights.Length == (Radii?.Length ?? 3) && Weights.All(w => w > 0) && Math.Abs(Weights.Sum() - 1) < 1e-9),
            "must be one positive number per ring and sum to 1",
            nameof(Weights)
        );
    public double Sd { get; } = Require.Positive(Sd);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new ExactData(new Rings(this, site.Device), Train, Test, site);
}
