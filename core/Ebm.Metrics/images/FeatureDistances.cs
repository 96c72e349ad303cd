namespace Ebm.Metrics;

/// <summary>
/// Distances of samples from real images by the features of a network: Fréchet, kernel, precision and recall. The test rows are split in disjoint
/// halves, one for the reference and one for the floor; beside them are generators that learn next to nothing.
/// </summary>
/// <param name="Frechet">The quantities of the Fréchet distance: of samples, of the Parzen window, of the Gaussian, of pixels, the floor.</param>
/// <param name="Kernel">The same of the unbiased squared discrepancy with the kernel (φ(x)·φ(y)/d + 1)³.</param>
/// <param name="Precision">Of samples, and the floor.</param>
/// <param name="Recall">Of samples, and the floor.</param>
public sealed record FeatureDistances(Quantity[] Frechet, Quantity[] Kernel, Quantity[] Precision, Quantity[] Recall)
{
    const int Neighbours = 3;

    /// <param name="features">(B, …Shape) → (B, d), the network's.</param>
    /// <param name="samples">At most this many of the run's samples, the first ones.</param>
    /// <param name="reference">At most this many test rows, and at most half of them.</param>
    /// <param name="facts">What the features depend on: the weights' hash.</param>
    public IReadOnlyList<Measurement> Measure(
        Subject subject,
        Func<Tensor, Tensor> features,
        long samples,
        long reference,
        params object[] facts
    )
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (data, rng) = (subject.Data, subject.Rng);
        var rows = subject.Samples.narrow(0, 0, Math.Min(samples, subject.Samples.shape[0]));
        var count = rows.shape[0];
        var (seen, other) = RealRows.Halves(data, reference, count, rng.Stream("halves"));
        var real = Chunked.Map(features, seen);
        var discrepancy = new Discrepancy(Kid.Cubic, real);
        var gaussian = MatchedGaussian.To(data).Draw(count, rng.Stream("gaussian")).reshape(data.Shape.Rows(count));
        Tensor[] all =
        [
            rows,
            Parzen.To(data, rng.Stream("width")).Draw(count, rng.Stream("parzen")),
            gaussian,
            PixelGaussian.To(data).Draw(count, rng.Stream("pixels")),
            other,
        ];
        var found = all.Select(some => Chunked.Map(features, some)).ToArray();
        Measurement Found(Quantity what, (double Value, double Se) value, Tensor of) =>
            what.Found(value.Value, value.Se, of.shape[0], [.. facts, of.shape[0], real.shape[0]]);
        return
        [
            .. found.Zip(Frechet, (of, what) => Found(what, FrechetDistance.Between(of, real), of)),
            .. found.Zip(Kernel, (of, what) => Found(what, discrepancy.From(of), of)),
            .. new[] { found[0], found[^1] }.Zip(Precision, (of, what) => Found(what, Coverage.Of(of, real, Neighbours), of)),
            .. new[] { found[0], found[^1] }.Zip(Recall, (of, what) => Found(what, Coverage.Of(real, of, Neighbours), of)),
        ];
    }
}
