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

    /// <summary>Two disjoint parts of the test rows: a reference, and rows in place of samples. Neither has more than half of them.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than four test rows.</exception>
    public static (Tensor Reference, Tensor Rival) Halves(IDataset data, long reference, long rival, Rng rng)
    {
        var (rows, half) = (data.TestRows, data.TestRows.Count / 2);
        if (half < 2)
            throw new InvalidOperationException("a reference and a floor take two test rows each, and the data have fewer than four");
        var order = rng.Permutation(rows.Count);
        Tensor Part(long from, long most) => rows.At(order.narrow(0, from, Math.Min(most, half)));
        return (Part(0, reference), Part(half, rival));
    }

    /// <summary>At most this many rows, drawn without replacement because files are often sorted.</summary>
    static Tensor Some(Rows rows, long count, Rng rng) => rows.At(rng.Permutation(rows.Count).narrow(0, 0, Math.Min(count, rows.Count)));
}
