namespace Ebm.Core;

/// <summary>Rows to learn from. One file per data set, in Ebm.Data.</summary>
public interface IDataset
{
    string Name { get; }

    /// <summary>Shape of one row: (2) for the plane, (1, 28, 28) for a digit.</summary>
    long[] Shape { get; }

    /// <summary>(N, …Shape), float32, scaled as the method sees it.</summary>
    Tensor Train { get; }

    /// <summary>(M, …Shape), rows that no method ever trains on.</summary>
    Tensor Test { get; }

    /// <summary>SHA-256 of the content, in hex: two runs saw the same data if and only if these are equal.</summary>
    string Digest { get; }

    /// <summary>The files that the rows came from, relative to the data root, with forward slashes; none for rows that are computed.</summary>
    IReadOnlyList<string> Files => [];
}

/// <summary>A data set with rows kept apart for choices, such as when to stop: neither training nor a final figure sees them.</summary>
public interface IValidated
{
    /// <summary>(V, …Shape), of the same law as the others.</summary>
    Tensor Validation { get; }
}

/// <summary>A data set whose density is known exactly; metrics against it are exact too.</summary>
public interface IKnownDensity
{
    /// <summary>log p(x) in nats, −∞ outside the support: (B, …) → (B).</summary>
    Tensor LogDensity(Tensor x);

    /// <summary>Fresh rows from p: (count, …Shape).</summary>
    Tensor Draw(long count, Rng rng);

    /// <summary>All but a negligible mass lies in [−HalfWidth, HalfWidth]^d; cells of the metrics' grid are aligned with it.</summary>
    double HalfWidth { get; }
}

/// <summary>A data set that knows its modes, for metrics of their weights.</summary>
public interface IKnownModes
{
    /// <summary>(K), summing to one.</summary>
    Tensor Weights { get; }

    /// <summary>The mode each row belongs to: (B, …) → (B) int64 in 0 … K−1.</summary>
    Tensor Nearest(Tensor x);
}

/// <summary>
/// The minibatches of training: each epoch is a fresh permutation of the rows, the last incomplete batch of an epoch is left out.
/// The permutation is a function of the stream and the epoch, so that <see cref="Cursor"/> is all that a checkpoint needs.
/// </summary>
public sealed class Batches
{
    readonly Tensor rows;
    readonly long size;
    readonly Rng rng;
    Tensor? order;
    long epoch,
        position;

    /// <param name="rows">(N, …), kept, not copied.</param>
    /// <param name="size">Rows per batch, at most N.</param>
    public Batches(Tensor rows, long size, Rng rng)
    {
        if (size < 1 || size > rows.shape[0])
            throw new SettingException("batch", $"must lie between 1 and the {rows.shape[0]} training rows; {size} does not");
        (this.rows, this.size, this.rng) = (rows, size, rng);
    }

    /// <summary>The next minibatch: (size, …).</summary>
    public Tensor Next()
    {
        if (position + size > rows.shape[0])
            Cursor = (epoch + 1, 0);
        order ??= rng.Stream(epoch).Permutation(rows.shape[0]).DetachFromDisposeScope();
        var batch = rows.index_select(0, order.narrow(0, position, size));
        position += size;
        return batch;
    }

    /// <summary>
    /// Share of training that lies behind, in [0, 1]: of steps or of budget, whichever is further. The trainer says it before every step.
    /// </summary>
    public double Progress { get; set; }

    /// <summary>Epoch, and rows of it already taken. Setting it moves there.</summary>
    public (long Epoch, long Position) Cursor
    {
        get => (epoch, position);
        set
        {
            if (value.Epoch != epoch)
            {
                order?.Dispose();
                order = null;
            }
            (epoch, position) = value;
        }
    }
}
