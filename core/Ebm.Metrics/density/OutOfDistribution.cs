using static Ebm.Metrics.OutOfDistributionSpec;

namespace Ebm.Metrics;

/// <summary>
/// How well energies separate rows of other data sets from test rows: for each set the area under the receiver operating characteristic,
/// <code>auroc = P(E(y) &gt; E(x)) + ½ P(E(y) = E(x)),   x a test row, y a row of the other set</code>
/// It is 1 if every other row has more energy, ½ if energies do not separate them, and below ½ if the model gives the other rows more density than
/// its own data, which is known to happen for likelihoods of images (Nalisnick et al. 2019). The standard error is DeLong's (1988). The result does
/// not depend on a constant in the energy or on the temperature. The energies are also written as arrays for histograms.
/// </summary>
public sealed class OutOfDistribution : IMetric
{
    readonly OutOfDistributionSpec spec;
    readonly (string Name, IDataset Data)[] sets;

    internal OutOfDistribution(OutOfDistributionSpec spec, Site site)
    {
        this.spec = spec;
        sets =
        [
            .. spec
                .Sets.OrderBy(set => set.Key, StringComparer.Ordinal)
                .Select(set => (set.Key, set.Value.Build(site with { Rng = site.Rng.Stream(set.Key) }))),
        ];
        foreach (var (name, data) in sets)
            if (!data.Shape.SequenceEqual(site.Shape))
                throw new SettingException(
                    nameof(spec.Sets),
                    $"contains {name}, whose rows have shape ({string.Join(", ", data.Shape)}); rows of the data have ({string.Join(", ", site.Shape)})"
                );
    }

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model)
            yield break;
        var own = Energies(model, subject.Data.Test, subject.Samples);
        foreach (var (name, data) in sets)
        {
            var others = Energies(model, data.Test, subject.Samples);
            var (area, se) = Area(own, others);
            // Computed rows differ between seeds but have the same distribution, so the name identifies them.
            yield return Auroc.For(name).Found(area, se, others.Length, data.Common, own.Length, others.Length) with
            {
                Arrays = [new NamedArray($"energies-{name}", ["row"], [others.Length], [.. others.Select(e => (float)e)])],
            };
        }
    }

    /// <summary>The area under the curve, with its standard error; NaN if an energy is NaN.</summary>
    /// <param name="own">Energies of test rows, at least two.</param>
    /// <param name="others">Energies of other rows, at least two.</param>
    public static (double Area, double Se) Area(double[] own, double[] others)
    {
        if (own.Concat(others).Any(double.IsNaN))
            return (double.NaN, double.NaN);
        var (ofOwn, ofOthers) = (Placements(own, others), Placements(others, own));
        return (ofOthers.Average(), Math.Sqrt(Variance(ofOwn) / own.Length + Variance(ofOthers) / others.Length));
    }

    /// <summary>For each row, the share of the other values below it, ties counted half: DeLong's placements.</summary>
    static double[] Placements(double[] rows, double[] among)
    {
        var sorted = among.Order().ToArray();
        return [.. rows.Select(row => (Below(sorted, row, orEqual: false) + Below(sorted, row, orEqual: true)) / 2.0 / sorted.Length)];
    }

    /// <summary>The number of sorted values less than a value, or at most equal to it.</summary>
    static int Below(double[] sorted, double value, bool orEqual)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] < value || (orEqual && sorted[middle] == value))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    static double Variance(double[] values)
    {
        var mean = values.Average();
        return values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1);
    }

    double[] Energies(IDensity model, Tensor rows, Tensor samples) =>
        Chunked
            .Map(model.Density.Of, rows.narrow(0, 0, Math.Min(spec.Rows, rows.shape[0])).to(samples.dtype))
            .cpu()
            .data<double>()
            .ToArray();
}

/// <summary>How well energies separate other data sets from test rows, for methods with a density.</summary>
/// <param name="Sets">The other data sets by column name; their test rows are used.</param>
/// <param name="Rows">At most this many rows of each, the first ones.</param>
[Kind("out-of-distribution")]
public sealed record OutOfDistributionSpec(IReadOnlyDictionary<string, ISpec<IDataset>> Sets, long Rows = 2000) : IMetricSpec
{
    public static readonly Quantity Auroc = new(
        "auroc/<set>",
        "probability",
        Higher,
        Primary,
        "auroc 1",
        "P(a row of the other set has more energy than a test row)",
        Order: 500
    );

    public IReadOnlyList<Quantity> Quantities => [.. Sets.Keys.Order(StringComparer.Ordinal).Select(Auroc.For)];

    public IReadOnlyDictionary<string, ISpec<IDataset>> Sets { get; } =
        Require.That(Sets, Sets.Count > 0, "must contain at least one other data set");
    public long Rows { get; } = Require.AtLeast(2, Rows);

    public IMetric Build(Site site) => new OutOfDistribution(this, site);
}
