namespace Ebm.Metrics;

/// <summary>Rows with the distribution of the data, for metrics that compare samples with them: new draws if the density is known.</summary>
static class RealRows
{
    /// <summary>Rows that were not used for training: at most <paramref name="count"/> of them, (n, …Shape).</summary>
    public static Tensor HeldOut(IDataset data, long count, Rng rng) =>
        data is IKnownDensity known ? known.Draw(count, rng) : Some(data.TestRows, count, rng);

    /// <summary>Real rows in place of samples, to measure what perfect samples would get; training rows if none can be drawn.</summary>
    public static Tensor Rival(IDataset data, long count, Rng rng) =>
        data is IKnownDensity known ? known.Draw(count, rng) : Some(data.TrainRows, count, rng);

    /// <summary>At most this many rows, drawn without replacement because files are often sorted.</summary>
    static Tensor Some(Rows rows, long count, Rng rng) => rows.At(rng.Permutation(rows.Count).narrow(0, 0, Math.Min(count, rows.Count)));
}
