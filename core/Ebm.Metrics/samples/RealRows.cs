namespace Ebm.Metrics;

/// <summary>Rows of the data's law, for metrics that compare samples with them: fresh draws where the density is known.</summary>
static class RealRows
{
    /// <summary>Rows that no method trained on: at most <paramref name="count"/> of them, (n, …Shape).</summary>
    public static Tensor HeldOut(IDataset data, long count, Rng rng) =>
        data is IKnownDensity known ? known.Draw(count, rng) : Some(data.Test, count, rng);

    /// <summary>Real rows that stand where samples would, which says what perfect samples get; training rows where none can be
    /// drawn.</summary>
    public static Tensor Rival(IDataset data, long count, Rng rng) =>
        data is IKnownDensity known ? known.Draw(count, rng) : Some(data.Train, count, rng);

    /// <summary>At most so many rows, drawn without replacement: files are often sorted.</summary>
    static Tensor Some(Tensor rows, long count, Rng rng) =>
        rows.index_select(0, rng.Permutation(rows.shape[0]).narrow(0, 0, Math.Min(count, rows.shape[0])).to(rows.device));
}
