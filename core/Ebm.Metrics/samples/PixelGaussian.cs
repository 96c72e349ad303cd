namespace Ebm.Metrics;

/// <summary>A trivial generator and a trivial density: every number of a row is an independent Gaussian, with the mean and the variance that it has in
/// the training rows.</summary>
/// <param name="Mean">(…Shape), float32.</param>
/// <param name="Sd">(…Shape), float32.</param>
sealed record PixelGaussian(Tensor Mean, Tensor Sd)
{
    // A pixel that never changes would otherwise make every other value impossible: a grey value is 1/128 wide.
    const double Least = 1.0 / 128;

    // In each part of the training rows, 32 MB of float64.
    const long Numbers = 1 << 22;

    /// <summary>Reads the training rows in parts, so they need not fit in memory.</summary>
    public static PixelGaussian To(IDataset data)
    {
        using var scope = NewDisposeScope();
        var count = data.TrainRows.Count;
        // Around the first row, because squares of large means would cancel.
        var near = data.TrainRows.Range(0, 1)[0].to(float64);
        var (sum, squares) = (zeros_like(near), zeros_like(near));
        foreach (var part in data.TrainRows.Chunks(Math.Max(1, Numbers / data.Shape.Size())))
        {
            using var inner = NewDisposeScope();
            using (part)
            {
                var apart = part.to(float64) - near;
                sum.add_(apart.sum(dim: 0));
                squares.add_(apart.mul_(apart).sum(dim: 0));
            }
            FreedMemory.Return();
        }
        var variance = (squares - sum.square() / count) / (count - 1);
        return new(
            (near + sum / count).to(float32).MoveToOuterDisposeScope(),
            variance.clamp_(min: Least * Least).sqrt_().to(float32).MoveToOuterDisposeScope()
        );
    }

    /// <summary>(count, …Shape).</summary>
    public Tensor Draw(long count, Rng rng) => Mean + Sd * rng.NormalLike(Mean.expand([count, .. Mean.shape]));

    /// <summary>−log p(x) in nats: (B, …Shape) → (B).</summary>
    public Tensor Energy(Tensor x) => (((x - Mean) / Sd).square() / 2 + Sd.log() + Math.Log(2 * Math.PI) / 2).flatten(1).sum(dim: 1);
}
