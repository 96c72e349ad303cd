namespace Ebm.Core;

/// <summary>Training and test rows. One file per data set, in Ebm.Data.</summary>
public interface IDataset
{
    string Name { get; }

    /// <summary>Shape of one row: (2) for the plane, (1, 28, 28) for a digit.</summary>
    long[] Shape { get; }

    /// <summary>(N, …Shape), float32, scaled for training. A data set of files makes all of them at once: ask <see cref="TrainRows"/> for some.</summary>
    Tensor Train { get; }

    /// <summary>(M, …Shape), rows that are never used for training; <see cref="TestRows"/> hands out some.</summary>
    Tensor Test { get; }

    /// <summary>The rows of <see cref="Train"/> by index.</summary>
    Rows TrainRows => Train;

    /// <summary>The rows of <see cref="Test"/> by index.</summary>
    Rows TestRows => Test;

    /// <summary>SHA-256 of the content, in hex: two runs used the same data if and only if their digests are equal.</summary>
    string Digest { get; }

    /// <summary>The files that contain the rows, or a folder of pictures, relative to the data root or to the current folder (<see
    /// cref="Ebm.Records.DataPlace"/>), with forward slashes; empty if the rows are computed.</summary>
    IReadOnlyList<string> Files => [];

    /// <summary>What the files lost before they were read, such as detail in JPEG; a sentence for the notes below tables. Null for original values.</summary>
    string? Loss => null;

    /// <summary>What is the same for all seeds: the digest of files, or else the name.</summary>
    string Common => Files.Count > 0 ? Digest : Name;
}

/// <summary>
/// A record of a data set or of a metric that reads files. A plan checks them before any run starts: that they are there and can be read, and their headers, but not
/// their whole content.
/// </summary>
public interface IReadsFiles
{
    /// <param name="dataRoot">The folder that contains the files of data sets.</param>
    /// <exception cref="SettingException">A setting does not fit a file's header.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is not a regular one, or has another header.</exception>
    void Check(string dataRoot);

    /// <summary>The shape of one row as the settings and a file's header say it; null if it is known only after reading.</summary>
    /// <param name="dataRoot">As for <see cref="Check"/>, which has passed.</param>
    long[]? ShapeIn(string dataRoot) => null;
}

/// <summary>A data set with validation rows, for choices such as when to stop; they are used neither for training nor for final results.</summary>
public interface IValidated
{
    /// <summary>(V, …Shape), from the same distribution as the other rows.</summary>
    Tensor Validation { get; }

    /// <summary>The same rows by index.</summary>
    Rows ValidationRows => Validation;
}

/// <summary>Images whose values are of eight bits.</summary>
public interface IEightBit
{
    /// <summary>
    /// A negative log-likelihood of a row of d numbers in bits per dimension of the eight-bit values: with L grey values in a unit of x,
    /// <code>(nats + d ln L) / (d ln 2)</code>
    /// It bounds the bits of a lossless code, because the values have uniform noise (Theis et al. 2016). Null without that noise.
    /// </summary>
    double? BitsPerDimension(double nats);
}

/// <summary>A data set whose density is known exactly, so that metrics can compare with it.</summary>
public interface IKnownDensity
{
    /// <summary>log p(x) in nats, −∞ outside the support: (B, …) → (B).</summary>
    Tensor LogDensity(Tensor x);

    /// <summary>Fresh rows from p: (count, …Shape).</summary>
    Tensor Draw(long count, Rng rng);

    /// <summary>Almost all probability mass is in [−HalfWidth, HalfWidth]^d; the grid of the metrics is aligned with this box.</summary>
    double HalfWidth { get; }
}

/// <summary>A data set with known modes, for metrics of mode weights.</summary>
public interface IKnownModes
{
    /// <summary>(K), summing to one.</summary>
    Tensor Weights { get; }

    /// <summary>The mode of each row: (B, …) → (B) int64 in 0 … K−1.</summary>
    Tensor Nearest(Tensor x);
}

/// <summary>
/// Minibatches for training: each epoch is a new permutation of the rows, without its last incomplete batch. The permutation depends only on the
/// stream and the epoch, so a checkpoint needs only <see cref="Cursor"/>. Each rank gets its share of every minibatch.
/// </summary>
public sealed class Batches
{
    // Two batches are read while one is trained on, and a queue of two bounds their memory.
    const long Ahead = 2;

    readonly Rows rows;
    readonly Ranks ranks = Ranks.Here;
    readonly long size,
        share;
    readonly Rng rng;

    // The rows of this rank, in the order of the epoch.
    Tensor? order;
    Rng? visits;
    long epoch,
        position;

    /// <param name="rows">N rows, such as a tensor (N, …), which is not copied.</param>
    /// <param name="size">Rows per batch, at most N.</param>
    public Batches(Rows rows, long size, Rng rng)
    {
        if (size < 1 || size > rows.Count)
            throw new SettingException("batch", $"must be between 1 and the number of training rows, {rows.Count}; {size} is not");
        if (size % ranks.Count != 0)
            throw new SettingException("batch", $"is {size}; it must be a multiple of train.ranks, which is {ranks.Count}");
        (this.rows, this.size, share, this.rng) = (rows, size, size / ranks.Count, rng);
    }

    /// <summary>This rank's share of the next minibatch: (size / ranks, …).</summary>
    public Tensor Next()
    {
        if (position + size > rows.Count)
            Cursor = (epoch + 1, 0);
        order ??= Own(rng.Stream(epoch).Permutation(rows.Count)).DetachFromDisposeScope();
        visits ??= rng.Stream("visits").Stream(epoch);
        var batch = rows.Visited(rows.At(order.narrow(0, position / ranks.Count, share)), visits, position + ranks.Rank * share);
        position += size;
        var from = position / ranks.Count;
        rows.Expect(order, from, Math.Min(Ahead * share, order.shape[0] - from));
        return batch;
    }

    Tensor Own(Tensor epoch) =>
        ranks.Count == 1
            ? epoch
            : epoch.narrow(0, 0, rows.Count / size * size).view(-1, ranks.Count, share).select(1, ranks.Rank).reshape(-1);

    /// <summary>
    /// The share of training that is done, in [0, 1]: of the steps or of the budget, whichever is larger. The trainer sets it before every step.
    /// </summary>
    public double Progress { get; set; }

    /// <summary>The epoch, and how many of its rows have been used. Setting it moves there.</summary>
    public (long Epoch, long Position) Cursor
    {
        get => (epoch, position);
        set
        {
            if (value.Epoch != epoch)
            {
                order?.Dispose();
                (order, visits) = (null, null);
            }
            (epoch, position) = value;
        }
    }
}
