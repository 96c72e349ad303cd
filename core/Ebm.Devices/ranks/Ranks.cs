using System.Runtime.InteropServices;
using System.Text;

namespace Ebm.Devices;

/// <summary>
/// The processes that train one method together, each on its share of every batch. All ranks call the same operations in the same order. Each
/// operation begins with a roll call, in which ranks learn that another one has failed, or is at another operation, so that none waits for ever.
/// </summary>
public abstract class Ranks
{
    [ThreadStatic]
    static Ranks? here;

    static readonly Ranks single = new Single();

    /// <summary>The ranks of the computation on this thread; a single one unless <see cref="Join"/> was called.</summary>
    public static Ranks Here => here ?? single;

    /// <summary>Makes these the ranks of the computation on this thread; null: a single one.</summary>
    public static void Join(Ranks? ranks) => here = ranks;

    /// <summary>The number of ranks.</summary>
    public abstract int Count { get; }

    /// <summary>The number of this rank, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>The number of this rank among those on this machine, from 0.</summary>
    public virtual int Local => Rank;

    /// <summary>The name and version of the library that connects the ranks; null for a single one.</summary>
    public abstract string? Library { get; }

    /// <summary>Whether this is rank 0, which alone writes files.</summary>
    public bool Leads => Rank == 0;

    /// <summary>Waits until all ranks are here.</summary>
    /// <exception cref="RankFailedException">Another rank has failed.</exception>
    /// <exception cref="InvalidOperationException">Ranks are at different operations.</exception>
    public void Meet(string where) => Call(where, 0);

    /// <summary>Replaces numbers by their sums over ranks.</summary>
    /// <inheritdoc cref="Meet"/>
    public void Sum(Span<float> numbers)
    {
        if (Call("sum of single numbers", numbers.Length))
            Add(numbers);
    }

    /// <inheritdoc cref="Sum(Span{float})"/>
    public void Sum(Span<double> numbers)
    {
        if (Call("sum of double numbers", numbers.Length))
            Add(numbers);
    }

    /// <summary>The sum of a number over ranks.</summary>
    /// <inheritdoc cref="Meet"/>
    public double Sum(double number)
    {
        Span<double> sum = [number];
        Sum(sum);
        return sum[0];
    }

    /// <summary>The bytes of all ranks, one after the other; all have as many.</summary>
    /// <inheritdoc cref="Meet"/>
    public byte[] Gather(ReadOnlySpan<byte> share)
    {
        if (!Call("gathering", share.Length))
            return share.ToArray();
        var all = new byte[share.Length * Count];
        Collect(share, all);
        return all;
    }

    /// <summary>Tells the others that this rank has failed: their operation throws.</summary>
    /// <param name="isNumerical">Whether the cause is in the numbers, as with a loss that is NaN.</param>
    public void Fail(bool isNumerical, string message)
    {
        if (Count == 1)
            return;
        _ = Answers(isNumerical ? Numerical : Broken, 0);
        _ = Messages(message);
    }

    const long Working = 0,
        Numerical = 1,
        Broken = 2;

    const int Longest = 1000;

    bool Call(string where, long length)
    {
        if (Count == 1)
            return false;
        var code = 17L;
        foreach (var letter in where)
            code = code * 31 + letter;
        code = code * 1_000_003 + length;
        var (state, highest, lowest) = Answers(Working, code);
        if (state != Working)
        {
            var (rank, message) = Messages("").First();
            throw new RankFailedException(rank, message, state == Numerical);
        }
        return highest == lowest
            ? true
            : throw new InvalidOperationException(
                $"rank {Rank} of {Count} is at \"{where}\" with {length} numbers, and another is at another operation or has other numbers: ranks must do the same in the same order"
            );
    }

    (long State, long Highest, long Lowest) Answers(long state, long code)
    {
        // A rank that has failed is at no operation.
        Span<long> call = state == Working ? [state, code, -code] : [state, long.MinValue, long.MinValue];
        Highest(call);
        return (call[0], call[1], -call[2]);
    }

    IEnumerable<(int Rank, string Message)> Messages(string own)
    {
        var share = new byte[Longest];
        Encoding.UTF8.GetEncoder().Convert(own, share, flush: true, out _, out _, out _);
        var all = new byte[Longest * Count];
        Collect(share, all);
        return Enumerable
            .Range(0, Count)
            .Select(rank => (rank, Encoding.UTF8.GetString(all, rank * Longest, Longest).TrimEnd('\0')))
            .Where(said => said.Item2 != "");
    }

    /// <summary>Replaces numbers by their sums over ranks. All ranks get the same bits.</summary>
    protected abstract void Add(Span<float> numbers);

    /// <inheritdoc cref="Add(Span{float})"/>
    protected abstract void Add(Span<double> numbers);

    /// <summary>Replaces numbers by their largest over ranks. A rank waits here for the others, possibly for minutes, and should leave its processor
    /// to others meanwhile.</summary>
    protected abstract void Highest(Span<long> numbers);

    /// <summary>Fills <paramref name="all"/> with the bytes of all ranks, one after the other.</summary>
    protected abstract void Collect(ReadOnlySpan<byte> share, Span<byte> all);

    sealed class Single : Ranks
    {
        public override int Count => 1;
        public override int Rank => 0;
        public override string? Library => null;

        protected override void Add(Span<float> numbers) { }

        protected override void Add(Span<double> numbers) { }

        protected override void Highest(Span<long> numbers) { }

        protected override void Collect(ReadOnlySpan<byte> share, Span<byte> all) => share.CopyTo(all);
    }
}

/// <summary>Another rank has failed.</summary>
public sealed class RankFailedException(int rank, string message, bool isNumerical) : Exception($"rank {rank}: {message}")
{
    /// <summary>Whether the cause is in the numbers.</summary>
    public bool IsNumerical => isNumerical;
}
