using Ebm.Nets;
using static Ebm.Metrics.InceptionDistancesSpec;

namespace Ebm.Metrics;

/// <summary>
/// The Fréchet inception distance (Heusel et al. 2017), the kernel inception distance (Bińkowski et al. 2018), precision and recall on the same features, and the
/// inception score (Salimans et al. 2016),
/// <code>exp(mean_x KL(p(y|x) ‖ p(y))),   p(y) the mean of p(y|x) over the samples</code>
/// with the official weights (<see cref="InceptionWeights"/>). Images in [−1, 1] are rounded to 256 values v, resized to 299 × 299 (<see cref="Resize"/>) and
/// scaled to v/127.5 − 1, as in the usual PyTorch port. Published values have 50,000 samples, and a reference of all training images: with fewer, the
/// Fréchet distance is larger. So compare values only with equal numbers of images, and with the floor.
/// </summary>
public sealed class InceptionDistances(InceptionDistancesSpec spec, string path) : IMetric
{
    // A batch of this many images takes some 500 MB.
    const long BatchRows = 16;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Data.Shape is not [1 or 3, >= 8, >= 8])
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (network, sha256) = InceptionWeights.Read(path, subject.Samples.device);
        using (network)
        {
            object[] facts = [sha256];
            var found = ComparedRows.Through(rows => Seen(network, rows), subject, spec.Samples, spec.Reference, facts);
            var features = found.Columns(0, InceptionV3.FeatureCount);
            var scores = found.Columns(InceptionV3.FeatureCount, found.Real.shape[1] - InceptionV3.FeatureCount);
            return
            [
                .. new FeatureDistances(
                    [Frechet, FrechetParzen, FrechetGaussian, FrechetPixels, FrechetFloor],
                    [Kernel, KernelParzen, KernelGaussian, KernelPixels, KernelFloor],
                    [InceptionDistancesSpec.Precision, PrecisionFloor],
                    [Recall, RecallFloor]
                ).Of(features, facts),
                Scored(Score, scores.Samples),
                Scored(ScoreFloor, scores.Floor),
            ];

            Measurement Scored(Quantity what, Tensor of)
            {
                var (value, se) = InceptionScore(of);
                return what.Found(value, se, of.shape[0], [.. facts, of.shape[0]]);
            }
        }
    }

    /// <summary>The inception score of class scores before the softmax, (n, classes), and its standard error for a given p(y).</summary>
    internal static (double Value, double Se) InceptionScore(Tensor scores)
    {
        using var scope = NewDisposeScope();
        var log = scores.to(float64).log_softmax(1);
        var apart = (log.exp() * (log - log.exp().mean([0]).log())).sum(dim: 1);
        var value = Math.Exp(apart.mean().item<double>());
        return (value, value * Math.Sqrt(apart.var().item<double>() / scores.shape[0]));
    }

    /// <summary>Features and class scores: (B, C, H, W) → (B, 2048 + 1008).</summary>
    static Tensor Seen(InceptionV3 network, Tensor images)
    {
        using var scope = NewDisposeScope();
        var found = new List<Tensor>();
        for (var from = 0L; from < images.shape[0]; from += BatchRows)
        {
            using var inner = NewDisposeScope();
            var rows = images.narrow(0, from, Math.Min(BatchRows, images.shape[0] - from));
            var bytes = ((rows.to(float32) + 1) * 128).floor_().clamp_(0, 255);
            var (features, scores) = network.Of(Resize.To(bytes.expand(-1, 3, -1, -1), InceptionV3.Side) / 127.5 - 1);
            found.Add(cat([features, scores], 1).MoveToOuterDisposeScope());
        }
        return cat(found, 0).MoveToOuterDisposeScope();
    }
}

/// <summary>Distances by the features of the Inception network with its official weights, which you convert once; some .15 s of one core for each image.</summary>
/// <param name="Weights">The file of weights, below the data root or the current folder; docs/image-metrics.md has the script that makes it.</param>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">At most this many test rows to compare with; at most half of them are used.</param>
[Kind("inception")]
public sealed record InceptionDistancesSpec(
    string Weights = "inception/inception-2015-12-05.safetensors",
    long Samples = 5000,
    long Reference = 5000
) : IMetricSpec, IReadsFiles
{
    public static readonly Quantity Frechet =
            new(
                "fid",
                "squared distance",
                Lower,
                Primary,
                "fid 1",
                "Fréchet distance of Inception's features; too large for few rows, like its floor",
                Order: 250,
                ComparedWith: "fid/gaussian"
            ),
        FrechetParzen = Frechet.OfParzen(),
        FrechetGaussian = Frechet.OfGaussian(),
        FrechetPixels = Frechet.OfPixels(),
        FrechetFloor = Frechet.Floor(),
        Kernel =
            new(
                "kid-inception",
                "squared discrepancy",
                Lower,
                Primary,
                "kid-inception 1",
                "cubic-kernel discrepancy of Inception's features, unbiased",
                Order: 255,
                ComparedWith: "kid-inception/gaussian"
            ),
        KernelParzen = Kernel.OfParzen(),
        KernelGaussian = Kernel.OfGaussian(),
        KernelPixels = Kernel.OfPixels(),
        KernelFloor = Kernel.Floor(),
        Precision =
            new(
                "precision-inception",
                "probability",
                Higher,
                Secondary,
                "precision-inception 1",
                "share of samples inside the real rows' support",
                Order: 260
            ),
        PrecisionFloor = Precision.Floor(1),
        Recall =
            new(
                "recall-inception",
                "probability",
                Higher,
                Secondary,
                "recall-inception 1",
                "share of real rows inside the samples' support",
                Order: 262
            ),
        RecallFloor = Recall.Floor(1),
        Score =
            new(
                "inception-score",
                "classes",
                Higher,
                Secondary,
                "inception-score 1",
                "certain and equally frequent classes of Inception",
                Order: 264
            ),
        ScoreFloor = Score.Floor(1);

    public string Weights { get; } = Require.DataPath(Weights);
    public long Samples { get; } = Require.Between(4, 100_000, Samples);
    public long Reference { get; } = Require.Between(4, 100_000, Reference);

    string Place(string dataRoot) => DataPlace.Of(dataRoot, RelativePath.Parse(Weights, "weights"));

    public IMetric Build(Site site) => new InceptionDistances(this, Place(site.DataRoot));

    /// <summary>Checks that the weights are here; the run checks their content.</summary>
    public void Check(string dataRoot) => InceptionWeights.CheckThere(Place(dataRoot));
}
