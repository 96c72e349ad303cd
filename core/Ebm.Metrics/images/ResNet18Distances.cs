using Ebm.Devices;
using static Ebm.Metrics.ResNet18DistancesSpec;

namespace Ebm.Metrics;

/// <summary>
/// Fréchet and kernel distance, precision and recall on features of a ResNet-18 (<see cref="FeatureDistances"/>), for images (C, H, W) in [−1, 1] with
/// one or three channels. They are named after the network, because they are not comparable with published FID, KID and precision, whose features are
/// those of Inception or VGG.
/// </summary>
public sealed class ResNet18Distances(ResNet18DistancesSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Data.Shape is not [1 or 3, >= 8, >= 8])
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        using var network = new ResNet18(subject.Samples.device);
        object[] facts = [ResNet18.Sha256];
        return new FeatureDistances(
            [Frechet, FrechetParzen, FrechetGaussian, FrechetPixels, FrechetFloor],
            [Kernel, KernelParzen, KernelGaussian, KernelPixels, KernelFloor],
            [Precision, PrecisionFloor],
            [Recall, RecallFloor]
        ).Of(ComparedRows.Through(network.Features, subject, spec.Samples, spec.Reference, facts), facts);
    }
}

/// <summary>
/// Distances of samples from real images by features of a ResNet-18, which `dotnet fsi experiments/data.fsx fetch resnet18` gets; .05 s of one core for each
/// image. A data set's own 4 × samples + reference images are computed once in a process.
/// </summary>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">At most this many test rows to compare with; at most half of them are used.</param>
[Kind("resnet18")]
public sealed record ResNet18DistancesSpec(long Samples = 500, long Reference = 1000) : IMetricSpec, IReadsFiles
{
    public static readonly Quantity Kernel =
            new(
                "krd-resnet18",
                "squared discrepancy",
                Lower,
                Primary,
                "krd-resnet18 1",
                "cubic-kernel discrepancy of a ResNet-18's features, unbiased",
                Order: 270,
                ComparedWith: "krd-resnet18/gaussian"
            ),
        KernelParzen = Kernel.OfParzen(),
        KernelGaussian = Kernel.OfGaussian(),
        KernelPixels = Kernel.OfPixels(),
        KernelFloor = Kernel.Floor(),
        Frechet =
            new(
                "frd-resnet18",
                "squared distance",
                Lower,
                Primary,
                "frd-resnet18 1",
                "Fréchet distance of a ResNet-18's features; too large for few rows, like its floor",
                Order: 280,
                ComparedWith: "frd-resnet18/gaussian"
            ),
        FrechetParzen = Frechet.OfParzen(),
        FrechetGaussian = Frechet.OfGaussian(),
        FrechetPixels = Frechet.OfPixels(),
        FrechetFloor = Frechet.Floor(),
        Precision =
            new(
                "precision-resnet18",
                "probability",
                Higher,
                Secondary,
                "precision-resnet18 1",
                "share of samples inside the real rows' support",
                Order: 285
            ),
        PrecisionFloor = Precision.Floor(1),
        Recall =
            new(
                "recall-resnet18",
                "probability",
                Higher,
                Secondary,
                "recall-resnet18 1",
                "share of real rows inside the samples' support",
                Order: 287
            ),
        RecallFloor = Recall.Floor(1);

    public long Samples { get; } = Require.Between(4, 100_000, Samples);
    public long Reference { get; } = Require.Between(4, 100_000, Reference);

    public IMetric Build(Site site) => new ResNet18Distances(this);

    /// <summary>Checks that the weights are here; the run checks their content.</summary>
    public void Check(string dataRoot)
    {
        if (ResNet18.Weights.Missing(Natives.PackagesFolder) is { } says)
            throw new FileNotFoundException($"{says}.");
    }
}
