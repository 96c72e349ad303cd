using static Ebm.Metrics.EnergyDistanceSpec;

namespace Ebm.Metrics;

/// <summary>
/// The distance between samples and data without a density: Székely's energy distance
/// <code>D = 2 E|X − Y| − E|X − X′| − E|Y − Y′|</code>
/// zero exactly if both have the same distribution. The estimate averages over distinct pairs only, so it is unbiased. For perfect samples it is
/// skewed with mean 0: about three of five values are negative. Its standard error is the jackknife's, which is correct if the distributions differ
/// and √2 too wide if they agree. The data rows are new draws if the density is known, otherwise random test rows.
/// </summary>
public sealed class EnergyDistance(EnergyDistanceSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (data, rng) = (subject.Data, subject.Rng);
        var samples = subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0]));
        var count = samples.shape[0];
        var real = new Real(data, spec.Reference, rng.Stream("reference"));
        var rival = RealRows.Rival(data, count, rng.Stream("floor"));
        var gaussian = MatchedGaussian.Draw(data, count, rng.Stream("gaussian"));
        return [real.Compare(OfSamples, samples), real.Compare(OfGaussian, gaussian), real.Compare(OfReal, rival)];
    }

    /// <summary>The energy distance between two sets of rows, with its standard error.</summary>
    /// <param name="x">(n, …), n ≥ 2.</param>
    /// <param name="y">(m, …), m ≥ 2, rows of the same size.</param>
    public static (double Value, double Se) Between(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        return new Real(y).From(x);
    }

    /// <summary>The rows to compare with.</summary>
    internal sealed class Real(Tensor given)
    {
        readonly Discrepancy discrepancy = new((a, b) => Discrepancy.Squares(a, b).sqrt_().neg_(), given.flatten(1), PairSums.OfDistances);

        public Real(IDataset data, long count, Rng rng)
            : this(RealRows.HeldOut(data, count, rng)) { }

        public Measurement Compare(Quantity what, Tensor others)
        {
            var (value, se) = From(others);
            return what.Found(value, se, others.shape[0], others.shape[0], discrepancy.Count);
        }

        public (double Value, double Se) From(Tensor others) => discrepancy.From(others.flatten(1));
    }
}

/// <summary>The energy distance between samples and data, for any data set.</summary>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">Number of real rows to compare with.</param>
[Kind("energy-distance")]
public sealed record EnergyDistanceSpec(long Samples = 2000, long Reference = 4000) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new(
                "energy-distance",
                "length",
                Lower,
                Primary,
                "energy-distance 1",
                "energy distance between samples and data",
                Order: 310,
                ComparedWith: "energy-distance/gaussian"
            ),
        OfGaussian =
            new(
                "energy-distance/gaussian",
                "length",
                None,
                Secondary,
                "energy-distance 1",
                "the same for the moment-matched Gaussian",
                Order: 311
            ),
        OfReal =
            new("energy-distance/floor", "length", None, Diagnostic, "energy-distance 1", "the same for as many real rows", Order: 312);

    public long Samples { get; } = Require.Between(2, 100_000, Samples);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new EnergyDistance(this);
}
