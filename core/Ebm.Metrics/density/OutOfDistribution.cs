using Ebm.Records;
using static Ebm.Metrics.OutOfDistributionSpec;

namespace Ebm.Metrics;

/// <summary>
/// How well energies separate other rows from test rows: for each set the area under the receiver operating characteristic,
/// <code>auroc = P(E(y) &gt; E(x)) + ½ P(E(y) = E(x)),   x a test row, y a row of the other set</code>
/// It is 1 if every other row has more energy, ½ if energies do not separate them, and below ½ if the model gives the other rows more density than
/// its own data, which is known to happen for likelihoods of images (Nalisnick et al. 2019). The standard error is DeLong's (1988). The result does
/// not depend on a constant in the energy or on the temperature. The energies are also written as arrays for histograms. The areas of scores that need
/// no model (<see cref="TrivialScores"/>) are often as large; the margin over the best of them is what the model has learned.
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
        if (spec.Made.Length > 0 && site.Shape is not [_, > 1, > 1])
            throw new SettingException(
                nameof(spec.Made),
                $"needs images (channels, height, width); rows of the data have shape ({string.Join(", ", site.Shape)})"
            );
    }

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model)
            yield break;
        var (own, dtype) = (Some(subject.Data.TestRows), subject.Samples.dtype);
        var all = sets.Select(set => (set.Name, Rows: Some(set.Data.TestRows), set.Data.Common))
            .Concat(spec.Made.Select(made => (Kebab.Case($"{made}"), made.From(own, subject.Rng.Stream($"{made}")), subject.Data.Common)));
        var energies = Scores(rows => model.Density.Of(rows.to(dtype)), own);
        var trivial = (spec.Trivial ? TrivialScores.To(subject.Data) : [])
            .Select(score => (score.Name, score.Score, Own: Scores(score.Score, own)))
            .ToList();
        foreach (var (name, rows, common) in all)
        {
            var others = Scores(rows => model.Density.Of(rows.to(dtype)), rows);
            // Computed rows differ between seeds but have the same distribution, so the name identifies them.
            Measurement Found(Quantity what, (double Value, double Se) area) =>
                what.For(name).Found(area.Value, area.Se, others.Length, common, energies.Length, others.Length);
            yield return Found(Auroc, RocArea.Of(energies, others)) with
            {
                Arrays = [new NamedArray($"energies-{name}", ["row"], [others.Length], [.. others.Select(e => (float)e)])],
            };
            var without = trivial.Select(score => (score.Name, score.Own, Others: Scores(score.Score, rows))).ToList();
            foreach (var score in without)
                yield return Found(OfTrivial[score.Name], RocArea.Of(score.Own, score.Others));
            if (without.Count > 0)
            {
                var best = without.MaxBy(score => RocArea.Of(score.Own, score.Others).Area);
                yield return Found(Margin, RocArea.Between((energies, others), (best.Own, best.Others)));
            }
        }
    }

    Tensor Some(Rows rows) => rows.Range(0, Math.Min(spec.Rows, rows.Count));

    static double[] Scores(Func<Tensor, Tensor> score, Tensor rows) => Chunked.Map(score, rows).cpu().data<double>().ToArray();
}

/// <summary>How well energies separate other rows from test rows, for methods with a density.</summary>
/// <param name="Sets">Other data sets by column name; their test rows are used.</param>
/// <param name="Rows">At most this many rows of each, the first ones.</param>
/// <param name="Made">Images to make as further sets: constant values, noise, blurred test rows, means of two test rows.</param>
/// <param name="Trivial">Whether to measure scores that need no model, too, and the margin over the best of them.</param>
[Kind("out-of-distribution")]
public sealed record OutOfDistributionSpec(
    IReadOnlyDictionary<string, ISpec<IDataset>>? Sets = null,
    long Rows = 2000,
    [OldRunsHad(new MadeImages[0])] MadeImages[]? Made = null,
    [OldRunsHad(false)] bool Trivial = false
) : IMetricSpec
{
    public static readonly Quantity Auroc =
            new(
                "auroc/<set>",
                "probability",
                Higher,
                Primary,
                "auroc 1",
                "P(a row of the other set has more energy than a test row)",
                Order: 500
            ),
        Margin =
            new(
                "auroc/<set>/margin",
                "probability",
                Higher,
                Secondary,
                "auroc 1",
                "the area of the energy minus that of the best score that needs no model",
                Order: 501
            ),
        Components = Other("components", "of the squared distance from the principal components with 90 % of the variance", 502),
        Nearest = Other("nearest", "of the distance to the nearest training row", 503),
        Gaussian = Other("gaussian", "of the moment-matched Gaussian's energy", 504),
        Pixels = Other("pixels", "of independent Gaussian pixels' energy", 505),
        Variation = Other("variation", "of an unusual total variation", 506),
        Bytes = Other("bytes", "of an unusual compressed size", 507),
        Autoencoder = Other("autoencoder", "of the squared error of an autoencoder that was trained without an energy", 508);

    internal static readonly IReadOnlyDictionary<string, Quantity> OfTrivial = new[]
    {
        Components,
        Nearest,
        Gaussian,
        Pixels,
        Variation,
        Bytes,
        Autoencoder,
    }.ToDictionary(one => one.Name.Split('/')[^1]);

    static Quantity Other(string score, string doc, int order) =>
        new($"auroc/<set>/{score}", "probability", None, Secondary, "auroc 1", $"the area {doc}", Order: order);

    public IReadOnlyList<Quantity> Quantities =>
        [
            .. Sets
                .Keys.Order(StringComparer.Ordinal)
                .Concat(Made.Select(made => Kebab.Case($"{made}")))
                .SelectMany(set => (Trivial ? [Auroc, Margin, .. OfTrivial.Values] : new[] { Auroc }).Select(one => one.For(set))),
        ];

    public IReadOnlyDictionary<string, ISpec<IDataset>> Sets { get; } = Sets ?? new Dictionary<string, ISpec<IDataset>>();
    public long Rows { get; } = Require.AtLeast(2, Rows);
    public MadeImages[] Made { get; } =
        Require.That(
            Made ?? [],
            Sets?.Count > 0 || Made?.Length > 0,
            "must contain at least one kind of images, or sets another data set",
            nameof(Made)
        );

    public IMetric Build(Site site) => new OutOfDistribution(this, site);
}
