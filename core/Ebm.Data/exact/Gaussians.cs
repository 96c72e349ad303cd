namespace Ebm.Data;

/// <summary>
/// A mixture of round Gaussians with unequal weights, in any dimension:
/// <code>p(x) = Σ_k w_k N(x; μ_k, s² I)</code>
/// In d ≥ 2 dimensions the K modes are on the trigonometric moment curve
/// <code>μ_k = r √(2/d) (cos θ_k, sin θ_k, cos 2θ_k, sin 2θ_k, …),   θ_k = 2π k / K,</code>
/// whose points all have length r, and which is the circle for d = 2; for odd d the last coordinate is (−1)^k / √2. For d = 1 they are
/// equally spaced from −r to r.
/// </summary>
sealed class Gaussians : IExactLaw
{
    readonly double sd;
    readonly Tensor means,
        logWeights;

    public Gaussians(GaussiansSpec spec, Device device)
    {
        sd = spec.Sd;
        Shape = [spec.Dimension];
        HalfWidth = Math.Max(4, Math.Ceiling(spec.Radius + 8 * sd));
        using (NewDisposeScope())
        {
            var shares = spec.Shares;
            means = Means(spec.Dimension, shares.Length, spec.Radius).to(device).DetachFromDisposeScope();
            Weights = tensor(shares, dtype: float64).to(device).DetachFromDisposeScope();
            logWeights = Weights.log().DetachFromDisposeScope();
        }
    }

    public string Name => "gaussians";
    public long[] Shape { get; }
    public double HalfWidth { get; }
    public long Numbers => 2 * Shape[0] + 4 * Weights.shape[0];

    /// <summary>Weights of the components. They are the masses of the regions of <see cref="Nearest"/>, up to the overlap of components.</summary>
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x) =>
        (logWeights - Distances(x) / (2 * sd * sd)).logsumexp(-1) - Shape[0] * Math.Log(sd * Math.Sqrt(2 * Math.PI));

    public Tensor Draw(long count, Rng rng)
    {
        var component = rng.Categorical(logWeights.to(rng.Device).expand(count, -1));
        return (means.to(rng.Device)[component] + sd * rng.Normal(count, Shape[0])).to(float32);
    }

    public Tensor Nearest(Tensor x) => Distances(x).argmin(-1);

    /// <summary>Squared distance to each mean: (B, d) → (B, K), float64.</summary>
    Tensor Distances(Tensor x) => (x.to(float64).unsqueeze(1) - means).square().sum(-1);

    static Tensor Means(int dimension, int modes, double radius)
    {
        var means = new double[modes, dimension];
        for (var k = 0; k < modes; k++)
        for (var i = 0; i < dimension; i++)
            means[k, i] = radius * (dimension == 1 ? Along(k, modes) : Math.Sqrt(2.0 / dimension) * OnCurve(k, modes, i, dimension));
        return tensor(means, dtype: float64);
    }

    static double Along(int k, int modes) => modes == 1 ? 0 : 2.0 * k / (modes - 1) - 1;

    static double OnCurve(int k, int modes, int coordinate, int dimension)
    {
        if (coordinate == dimension - 1 && dimension % 2 == 1)
            return (k % 2 == 0 ? 1 : -1) / Math.Sqrt(2);
        var angle = 2 * Math.PI * k / modes * (coordinate / 2 + 1);
        return coordinate % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle);
    }
}

/// <summary>A mixture of round Gaussians on a circle, with its exact density.</summary>
/// <param name="Dimension">Numbers in one row, at least 1.</param>
/// <param name="Modes">Number of modes with equal weights; excludes weights.</param>
/// <param name="Weights">One per mode, positive, summing to 1; default .25 .05 .2 .05 .15 .1 .15 .05.</param>
/// <param name="Radius">Distance of every mode from the origin; in one dimension, of the outermost modes.</param>
/// <param name="Sd">Standard deviation of each mode, in every direction.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("gaussians")]
public sealed record GaussiansSpec(
    int Dimension = 2,
    int? Modes = null,
    double[]? Weights = null,
    double Radius = 1.5,
    double Sd = .15,
    long Train = 100_000,
    long Test = 10_000
) : ISpec<IDataset>
{
    static readonly double[] Eight = [.25, .05, .2, .05, .15, .1, .15, .05];

    public int Dimension { get; } = Require.Between(1, 10_000, Dimension);
    public int? Modes { get; } =
        Require.That(
            Require.Between(1, 10_000, Modes),
            Modes is null || Weights is null,
            "excludes weights, so give one of the two",
            nameof(Modes)
        );
    public double[]? Weights { get; } =
        Require.That(
            Weights ?? (Modes is null ? Eight : null),
            Weights is null or [] ? Weights is null : Weights.All(w => w > 0) && Math.Abs(Weights.Sum() - 1) < 1e-9,
            "must be one positive number per mode and sum to 1",
            nameof(Weights)
        );
    public double Radius { get; } = Require.NonNegative(Radius);
    public double Sd { get; } = Require.Positive(Sd);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    internal double[] Shares => Weights ?? [.. Enumerable.Repeat(1.0 / Modes!.Value, Modes.Value)];

    public IDataset Build(Site site) => new ExactData(new Gaussians(this, site.Device), Train, Test, site);
}
