using static Ebm.Metrics.KidDigitsSpec;

namespace Ebm.Metrics;

/// <summary>
/// The distance of samples from real images by the features of a small classifier of the same data set (<see cref="DigitClassifier"/>): the unbiased
/// squared discrepancy with the cubic kernel of the kernel inception distance (Bińkowski et al. 2018),
/// <code>k(x, y) = (φ(x)·φ(y) / 64 + 1)³</code>
/// The test rows are split in disjoint halves: one is the reference, and the other gives the floor, because the classifier has seen neither. Beside it
/// are the values of three generators that learn next to nothing, what the classifier makes of the samples, and whether all classes occur equally
/// often. A classifier is sure of much noise, too, so a high share says little without the distance and the class shares.
/// </summary>
public sealed class KidDigits(KidDigitsSpec spec) : IMetric
{
    const double SureFrom = .9;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        var (data, rng) = (subject.Data, subject.Rng);
        using var scope = NewDisposeScope();
        using var free = no_grad();
        if (!data.Shape.SequenceEqual([1L, 28, 28]) || DigitClassifier.Of(data.Name, subject.Samples.device) is not { } classifier)
            return [];
        var samples = subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0]));
        var count = samples.shape[0];
        var (seen, other) = RealRows.Halves(data, spec.Reference, count, rng.Stream("halves"));
        var (reference, rival) = (Seen(seen), Seen(other));
        var real = new Discrepancy(Kid.Cubic, reference.Features);
        var of = Seen(samples);

        Measurement Distance(Quantity what, Judged rows)
        {
            var (value, se) = real.From(rows.Features);
            return what.Found(value, se, rows.Count, classifier.Sha256, rows.Count, real.Count);
        }
        Measurement Share(Quantity what, Judged rows)
        {
            var sure = rows.Scores.softmax(1).amax([1L]).gt(SureFrom).to(float64).mean().item<double>();
            return what.Found(sure, Math.Sqrt(sure * (1 - sure) / rows.Count), rows.Count, classifier.Sha256, rows.Count);
        }
        Measurement Imbalance(Quantity what, Judged rows)
        {
            var shares = (rows.Scores.argmax(1).bincount(null, DigitClassifier.Classes).to(float64) / rows.Count)
                .cpu()
                .data<double>()
                .ToArray();
            // |share − 1/10| / 2 summed is Σ ±share / 2 up to a constant, the mean of n draws of ±½.
            var tilt = shares.Sum(share => Math.Sign(share - 1.0 / DigitClassifier.Classes) * share);
            var value = shares.Sum(share => Math.Abs(share - 1.0 / DigitClassifier.Classes)) / 2;
            return what.Found(
                value,
                Math.Sqrt(Math.Max(0, 1 - tilt * tilt) / rows.Count) / 2,
                rows.Count,
                classifier.Sha256,
                rows.Count
            ) with
            {
                Arrays =
                [
                    new NamedArray(
                        $"{what.Name.Replace('/', '-')}-shares",
                        ["class"],
                        [shares.Length],
                        [.. shares.Select(share => (float)share)]
                    ),
                ],
            };
        }
        return
        [
            Distance(OfSamples, of),
            .. TrivialGenerators.Draw(data, count, rng).Zip([OfParzen, OfGaussian, OfPixels], (rows, what) => Distance(what, Seen(rows))),
            Distance(OfReal, rival),
            Share(Sure, of),
            Share(SureOfReal, rival),
            Imbalance(Unequal, of),
            Imbalance(UnequalReal, rival),
        ];

        Judged Seen(Tensor rows)
        {
            var both = Chunked.Map(
                some =>
                {
                    var (scores, features) = classifier.Both(DigitClassifier.Grey(some));
                    return cat([scores, features], 1);
                },
                rows
            );
            return new(
                both.narrow(1, 0, DigitClassifier.Classes),
                both.narrow(1, DigitClassifier.Classes, both.shape[1] - DigitClassifier.Classes)
            );
        }
    }

    /// <summary>What the classifier makes of rows: (n, 10) and (n, 64), float64.</summary>
    sealed record Judged(Tensor Scores, Tensor Features)
    {
        public long Count => Scores.shape[0];
    }
}

/// <summary>The distance of samples from MNIST or Fashion-MNIST by features of a small classifier, with trivial generators beside it.</summary>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">At most this many test rows to compare with; at most half of them are used.</param>
[Kind("kid-digits")]
public sealed record KidDigitsSpec(long Samples = 5000, long Reference = 5000) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new(
                "kid-digits",
                "squared discrepancy",
                Lower,
                Primary,
                "kid-digits 1",
                "cubic-kernel discrepancy of a classifier's features",
                Order: 290,
                ComparedWith: "kid-digits/parzen"
            ),
        OfParzen = OfSamples.OfParzen(),
        OfGaussian = OfSamples.OfGaussian(),
        OfPixels = OfSamples.OfPixels(),
        OfReal = OfSamples.Floor(),
        Sure =
            new(
                "kid-digits/sure",
                "probability",
                Higher,
                Secondary,
                "kid-digits 1",
                "share of samples of which the classifier is .9 sure",
                Order: 295
            ),
        SureOfReal = Sure.Floor(1),
        Unequal =
            new(
                "kid-digits/classes",
                "probability",
                Lower,
                Secondary,
                "kid-digits 1",
                "total variation of the samples' classes from equal shares",
                Order: 297
            ),
        UnequalReal = Unequal.Floor(1);

    public long Samples { get; } = Require.Between(2, 100_000, Samples);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new KidDigits(this);
}
