namespace Ebm.Metrics;

/// <summary>Distances of samples from real images by the features of a network: Fréchet, kernel, precision and recall.</summary>
/// <param name="Frechet">The quantities of the Fréchet distance: of samples, of the three generators, the floor.</param>
/// <param name="Kernel">The same of the unbiased squared discrepancy with the kernel (φ(x)·φ(y)/d + 1)³.</param>
/// <param name="Precision">Of samples, and the floor.</param>
/// <param name="Recall">Of samples, and the floor.</param>
sealed record FeatureDistances(Quantity[] Frechet, Quantity[] Kernel, Quantity[] Precision, Quantity[] Recall)
{
    const int Neighbours = 3;

    /// <param name="facts">What the features depend on: the weights' hash.</param>
    public IReadOnlyList<Measurement> Of(ComparedRows features, object[] facts)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var real = features.Real;
        var discrepancy = new Discrepancy(Kid.Cubic, real);
        Tensor[] all = [features.Samples, .. features.Generators, features.Floor],
            ends = [features.Samples, features.Floor];
        Measurement Found(Quantity what, (double Value, double Se) value, Tensor of) =>
            what.Found(value.Value, value.Se, of.shape[0], [.. facts, of.shape[0], real.shape[0]]);
        return
        [
            .. all.Zip(Frechet, (of, what) => Found(what, FrechetDistance.Between(of, real), of)),
            .. all.Zip(Kernel, (of, what) => Found(what, discrepancy.From(of), of)),
            .. ends.Zip(Precision, (of, what) => Found(what, Coverage.Of(of, real, Neighbours), of)),
            .. ends.Zip(Recall, (of, what) => Found(what, Coverage.Of(real, of, Neighbours), of)),
        ];
    }
}
