using System.Security.Cryptography;

namespace Ebm.Core;

/// <summary>
/// The rows of one part of a data set, handed out by index, so that data need not be in memory as float32, or not at all. A row is the same
/// whenever it is asked for. A tensor of rows converts to this type by itself.
/// </summary>
public abstract class Rows
{
    const long ChunkRows = 4096;

    public abstract long Count { get; }

    /// <summary>Some rows: places (n) int64, in 0 … Count − 1, → (n, …Shape) on the data's device.</summary>
    public abstract Tensor At(Tensor places);

    /// <summary>Rows from … from + count − 1: (count, …Shape).</summary>
    public virtual Tensor Range(long from, long count) => At(arange(from, from + count, dtype: int64));

    /// <summary>All rows at once: (Count, …Shape).</summary>
    public Tensor All => Range(0, Count);

    /// <summary>All rows, in chunks. The caller disposes them.</summary>
    public IEnumerable<Tensor> Chunks(long size = ChunkRows)
    {
        for (long from = 0; from < Count; from += size)
            yield return Range(from, Math.Min(size, Count - from));
    }

    /// <summary>Announces the rows that are asked for next, so that other threads can read them meanwhile; it changes no row.</summary>
    /// <param name="order">Places of rows, of which those from … from + count − 1 are next.</param>
    public virtual void Expect(Tensor order, long from, long count) { }

    /// <summary>Rows as one visit of training sees them: with random changes, such as flips.</summary>
    /// <param name="rows">(n, …Shape), from <see cref="At"/>; may be changed in place.</param>
    /// <param name="visits">The stream of the epoch's visits.</param>
    /// <param name="position">The position in the epoch, which numbers the visit.</param>
    public virtual Tensor Visited(Tensor rows, Rng visits, long position) => rows;

    /// <summary>Identifies the rows and their order: 64 hexadecimal digits.</summary>
    public virtual string Digest
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var rows in Chunks())
                using (rows)
                using (var here = rows.cpu().contiguous())
                    hash.AppendData(here.bytes);
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    public static implicit operator Rows(Tensor rows) => new Whole(rows);

    /// <summary>Rows that are one tensor, (N, …Shape).</summary>
    sealed class Whole(Tensor rows) : Rows
    {
        public override long Count => rows.shape[0];

        public override Tensor At(Tensor places) => rows.index_select(0, places.to(rows.device));

        public override Tensor Range(long from, long count) => rows.narrow(0, from, count);
    }
}
