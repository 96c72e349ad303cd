using Ebm.Nets;
using static Ebm.Metrics.KidSpec;

namespace Ebm.Metrics;

/// <summary>The features by which images are compared.</summary>
public enum Features
{
    /// <summary>The pixels.</summary>
    Pixels,

    /// <summary>
    /// Two layers of random convolutions, the same in every run: edges and strokes, averaged over a 4 × 4 grid of positions. They need no trained
    /// net, so nothing is downloaded. This is not Inception's KID; its values can only be compared with each other.
    /// </summary>
    Convolutions,
}

/// <summary>
/// The estimator of the kernel inception distance (Bińkowski et al. 2018), on features without an Inception network: the unbiased squared
/// discrepancy with the cubic kernel
/// <code>k(x, y) = (φ(x)·φ(y) / d + 1)³,   d the number of features</code>
/// For images (C, H, W) of at least 8 × 8.
/// </summary>
public sealed class Kid(KidSpec spec) : IMetric
{
    // A fixed seed, independent of the run's: all runs use the same filters.
    const ulong FiltersSeed = 2018;
    const long ChunkRows = 512;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Data.Shape is not [var channels, >= 8, >= 8])
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var features = spec.Features == Features.Pixels ? Pixels : Convolutions(channels, subject.Samples.device);
        var samples = subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0]));
        var (data, rng, count) = (subject.Data, subject.Rng, samples.shape[0]);
        var real = new Discrepancy(Cubic, Of(RealRows.HeldOut(data, spec.Reference, rng.Stream("reference")), features));
        var gaussian = MatchedGaussian.Draw(data, count, rng.Stream("gaussian")).reshape(data.Shape.Rows(count));
        return
        [
            Compare(OfSamples, samples),
            Compare(OfGaussian, gaussian),
            Compare(OfReal, RealRows.Rival(data, count, rng.Stream("floor"))),
        ];

        Measurement Compare(Quantity what, Tensor rows)
        {
            var (value, se) = real.From(Of(rows, features));
            return what.Found(value, se, rows.shape[0], (int)spec.Features, rows.shape[0], real.Count);
        }
    }

    internal static Tensor Cubic(Tensor a, Tensor b) => (a.matmul(b.t()) / a.shape[1] + 1).pow(3);

    /// <summary>(n, C, H, W) → (n, d), in chunks.</summary>
    static Tensor Of(Tensor images, Func<Tensor, Tensor> features)
    {
        var chunks = new List<Tensor>();
        for (long from = 0; from < images.shape[0]; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            var chunk = images.narrow(0, from, Math.Min(ChunkRows, images.shape[0] - from)).to(float32);
            chunks.Add(features(chunk).to(float64).MoveToOuterDisposeScope());
        }
        return cat(chunks, 0);
    }

    static Tensor Pixels(Tensor images) => images.flatten(1);

    static Func<Tensor, Tensor> Convolutions(long channels, Device device)
    {
        const long wide = 32,
            deep = 64;
        var rng = new Rng(FiltersSeed).Stream("filters");
        // Rectification halves the variance, so √2/√fan-in keeps the scale of every layer equal (He et al. 2015).
        var first = (rng.Normal(wide, channels, 5, 5) * Math.Sqrt(2.0 / (25 * channels))).to(float32).to(device);
        var second = (rng.Normal(deep, wide, 3, 3) * Math.Sqrt(2.0 / (9 * wide))).to(float32).to(device);
        return images =>
        {
            var edges = nn.functional.relu(Convolution.Of(images, first, stride: 2, padding: 2));
            var strokes = nn.functional.relu(Convolution.Of(edges, second, padding: 1));
            return nn.functional.adaptive_avg_pool2d(strokes, [4, 4]).flatten(1);
        };
    }
}

/// <summary>The unbiased discrepancy with a cubic kernel between features of samples and of real images, for images of at least 8 × 8.</summary>
/// <param name="Features">How images are compared: by pixels, or by random convolutions that are the same in every run.</param>
/// <param name="Samples">At most this many of the run's samples, the first ones.</param>
/// <param name="Reference">Number of real images to compare with.</param>
[Kind("kid")]
public sealed record KidSpec(Features Features = Features.Convolutions, long Samples = 2000, long Reference = 4000) : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new(
                "kid",
                "squared discrepancy",
                Lower,
                Primary,
                "kid 1",
                "cubic-kernel discrepancy of features",
                Order: 300,
                ComparedWith: "kid/gaussian"
            ),
        OfGaussian =
            new("kid/gaussian", "squared discrepancy", None, Secondary, "kid 1", "the same for the moment-matched Gaussian", Order: 301),
        OfReal = new("kid/floor", "squared discrepancy", None, Diagnostic, "kid 1", "the same for as many real rows", Order: 302);

    public long Samples { get; } = Require.Between(2, 100_000, Samples);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new Kid(this);
}
