namespace Ebm.Metrics;

/// <summary>A trivial generator and a trivial density: every number of a row is an independent Gaussian, with the mean and the variance that it has in
/// the training rows.</summary>
/// <param name="Mean">(…Shape), float32.</param>
/// <param name="Sd">(…Shape), float32.</param>
sealed record PixelGaussian(Tensor Mean, Tensor Sd)
{
    // A pixel that never changes would otherwise make every other value impossible: a grey value is 1/128 wide.
    const double Least = 1.0 / 128;

    public static PixelGaussian To(IDataset data)
    {
        var rows = data.TrainRows.All.to(float32);
        return new(rows.mean([0]), rows.std(0).clamp_(min: Least));
    }

    /// <summary>(count, …Shape).</summary>
    public Tensor Draw(long count, Rng rng) => Mean + Sd * rng.NormalLike(Mean.expand([count, .. Mean.shape]));

    /// <summary>−log p(x) in nats: (B, …Shape) → (B).</summary>
    public Tensor Energy(Tensor x) => (((x - Mean) / Sd).square() / 2 + Sd.log() + Math.Log(2 * Math.PI) / 2).flatten(1).sum(dim: 1);
}
