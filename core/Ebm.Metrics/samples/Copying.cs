using static Ebm.Metrics.CopyingSpec;

namespace Ebm.Metrics;

/// <summary>
/// Whether samples repeat training rows (Meehan, Chaudhuri and Dasgupta 2020): with D(x) the distance of a row to the nearest training row,
/// <code>copying = P(D(test row) &gt; D(sample)) + ½ P(=)</code>
/// ½ if samples are as far from the training rows as new real rows are, 1 if they repeat them, and near 0 if they are far from all real rows. The
/// standard error is DeLong's. The ratio is the mean D of samples over that of test rows. Distances are those of pixels, or of whatever the numbers of a
/// row are: noise on a copied row hides it.
/// </summary>
public sealed class Copying(CopyingSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var data = subject.Data;
        var samples = Distances(subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0])));
        var unseen = Distances(RealRows.HeldOut(data, spec.Reference, subject.Rng.Stream("reference")));
        var (area, se) = RocArea.Of(samples, unseen);
        var (ours, theirs) = (samples.Average(), unseen.Average());
        // The delta method for a ratio of independent means.
        var spread = Math.Sqrt(Error(samples, 1 / theirs) + Error(unseen, ours / (theirs * theirs)));
        return
        [
            OfSamples.Found(area, se, samples.Length, samples.Length, unseen.Length, data.TrainRows.Count),
            Ratio.Found(ours / theirs, spread, samples.Length, samples.Length, unseen.Length, data.TrainRows.Count),
        ];

        double[] Distances(Tensor rows) => NearestRows.Distances(rows, data.TrainRows).cpu().data<double>().ToArray();
    }

    /// <summary>The variance of a constant times the mean.</summary>
    static double Error(double[] values, double times)
    {
        var mean = values.Average();
        return times * times * values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length;
    }
}

/// <summary>Whether samples are nearer to training rows than new real rows are.</summary>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">Number of real rows to compare with.</param>
[Kind("copying")]
public sealed record CopyingSpec(long Samples = 2000, long Reference = 2000) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new(
                "copying",
                "probability",
                None,
                Secondary,
                "copying 1",
                "P(a sample is nearer to the training rows than a test row), one half for new rows",
                Order: 350
            ),
        Ratio =
            new(
                "copying/ratio",
                "ratio",
                None,
                Secondary,
                "copying 1",
                "mean distance to the nearest training row, of samples over test rows",
                Order: 351
            );

    public long Samples { get; } = Require.Between(2, 100_000, Samples);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new Copying(this);
}
