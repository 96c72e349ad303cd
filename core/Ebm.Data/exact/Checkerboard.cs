namespace Ebm.Data;

/// <summary>
/// Uniform on eight unit squares of [−2, 2]², those whose corner (⌊x⌋, ⌊y⌋) has an even sum:
/// <code>p(x, y) = 1/8 where ⌊x⌋ + ⌊y⌋ is even and x, y ∈ [−2, 2), otherwise 0</code>
/// The hardest of the two-dimensional targets for a smooth energy, because its density jumps from its largest value to zero.
/// </summary>
sealed class Checkerboard : IExactLaw
{
    const int Squares = 8;

    // Corners in the order of x, then y: (−2, −2), (−2, 0), (−1, −1), …
    static readonly double[] CornerX = [-2, -2, -1, -1, 0, 0, 1, 1];
    static readonly double[] CornerY = [-2, 0, -1, 1, -2, 0, -1, 1];

    public Checkerboard(Device device) => Weights = full(Squares, 1.0 / Squares, dtype: float64, device: device).DetachFromDisposeScope();

    public string Name => "checkerboard";
    public long[] Shape { get; } = [2];
    public double HalfWidth => 4;
    public long Numbers => 8;
    public Tensor Weights { get; }

    public Tensor LogDensity(Tensor x)
    {
        var corner = x.to(float64).floor();
        var inside = ((corner >= -2) & (corner < 2)).all(-1) & corner.sum(-1).remainder(2).eq(0);
        return where(
            inside,
            full_like(inside, -Math.Log(Squares), dtype: float64),
            full_like(inside, double.NegativeInfinity, dtype: float64)
        );
    }

    public Tensor Draw(long count, Rng rng)
    {
        // Midpoints of 2²² slices of each side, which float32 represents exactly, so that no draw is rounded onto an edge.
        const long slices = 1 << 22;
        var within = (rng.Integers(slices, count, 2).to(float64) + .5) / slices;
        return (Corners(rng.Device)[rng.Integers(Squares, count)] + within).to(float32);
    }

    /// <summary>The square whose centre is nearest.</summary>
    public Tensor Nearest(Tensor x) => (x.to(float64).unsqueeze(1) - (Corners(x.device) + .5)).square().sum(-1).argmin(-1);

    static Tensor Corners(Device device) => stack([tensor(CornerX, dtype: float64), tensor(CornerY, dtype: float64)], -1).to(device);
}

/// <summary>Uniform on eight unit squares of a checkerboard, with its exact density.</summary>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
[Kind("checkerboard")]
public sealed record CheckerboardSpec(long Train = 100_000, long Test = 10_000) : ISpec<IDataset>
{
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);

    public IDataset Build(Site site) => new ExactData(new Checkerboard(site.Device), Train, Test, site);
}
