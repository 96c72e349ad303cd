using static Ebm.Metrics.MmdSpec;

namespace Ebm.Metrics;

/// <summary>
/// The squared maximum mean discrepancy between samples and data, with the Gaussian kernel
/// <code>k(x, y) = exp(−|x − y|² / 2h²),   h the median distance between real rows</code>
/// (Gretton et al. 2012), unbiased, so perfect samples give values on both sides of 0. The width depends on real rows only, so that the samples do
/// not change the kernel that measures them.
/// </summary>
public sealed class Mmd(MmdSpec spec) : IMetric
{
    const long WidthRows = 1000;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var samples = subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0])).flatten(1);
        var real = RealRows.HeldOut(subject.Data, spec.Reference, subject.Rng.Stream("reference")).flatten(1);
        var rival = RealRows.Rival(subject.Data, samples.shape[0], subject.Rng.Stream("floor")).flatten(1);
        var discrepancy = new Discrepancy(Gaussian(MedianDistance(real)), real);
        return [Compare(OfSamples, samples), Compare(OfReal, rival)];

        Measurement Compare(Quantity what, Tensor rows)
        {
            var (value, se) = discrepancy.From(rows);
            return what.Found(value, se, rows.shape[0], rows.shape[0], real.shape[0]);
        }
    }

    /// <summary>The squared discrepancy between two sets of rows under a kernel of width h, with its standard error.</summary>
    /// <param name="x">(n, …), n ≥ 2.</param>
    /// <param name="y">(m, …), m ≥ 2, rows of the same size.</param>
    /// <param name="width">h, in units of the data.</param>
    public static (double Value, double Se) Between(Tensor x, Tensor y, double width)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        return new Discrepancy(Gaussian(width), y.flatten(1)).From(x.flatten(1));
    }

    static Func<Tensor, Tensor, Tensor> Gaussian(double width) => (a, b) => Discrepancy.Squares(a, b).div_(-2 * width * width).exp_();

    static double MedianDistance(Tensor rows)
    {
        var some = rows.narrow(0, 0, Math.Min(WidthRows, rows.shape[0])).to(float64);
        var squares = Discrepancy.Squares(some, some);
        var apart = squares[ones_like(squares).triu(1) > 0];
        var width = Math.Sqrt(apart.median().item<double>());
        return width > 0
            ? width
            : throw new InvalidOperationException(
                "mmd: more than half of all pairs of real rows are identical, so the median distance, the width of the kernel, is 0"
            );
    }
}

/// <summary>The maximum mean discrepancy between samples and data by a Gaussian kernel of median width, for any data set.</summary>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">Number of real rows to compare with.</param>
[Kind("mmd")]
public sealed record MmdSpec(long Samples = 2000, long Reference = 4000) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new("mmd", "squared discrepancy", Lower, Primary, "mmd 1", "discrepancy between samples and data", Order: 320),
        OfReal = new("mmd/floor", "squared discrepancy", None, Diagnostic, "mmd 1", "the same for as many real rows", Order: 321);

    public long Samples { get; } = Require.Between(2, 100_000, Samples);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new Mmd(this);
}
