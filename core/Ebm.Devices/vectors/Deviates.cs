using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>A distribution of float32 numbers, from two words of random bits to two independent deviates.</summary>
public interface IDeviate
{
    static abstract (T First, T Second) Of<T>(T one, T two)
        where T : unmanaged, IVector<T>;
}

/// <summary>Uniform on [0, 1), a multiple of 2⁻²⁴.</summary>
public readonly struct UniformDeviate : IDeviate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T First, T Second) Of<T>(T one, T two)
        where T : unmanaged, IVector<T> => (From(one), From(two));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T From<T>(T word)
        where T : unmanaged, IVector<T> => T.FromInteger(T.ShiftRight(word, 8)) * T.Of(1f / (1 << 24));
}

/// <summary>N(0, 1) by the transform of Box and Muller (1958): √(−2 ln u) times cosine and sine of a uniform angle. The largest is 6.66.</summary>
public readonly struct NormalDeviate : IDeviate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T First, T Second) Of<T>(T one, T two)
        where T : unmanaged, IVector<T>
    {
        // u is (n + ½) 2⁻³¹ for a whole n below 2³¹, which is never 0.
        var u = (T.FromInteger(T.ShiftRight(one, 1)) + T.Of(.5f)) * T.Of(1f / (1u << 31));
        var radius = T.Sqrt(T.Of(-2) * Functions.Log(u));
        var (sin, cos) = Functions.SinCosOfTurns(UniformDeviate.From(two));
        return (radius * cos, radius * sin);
    }
}

/// <summary>
/// Random deviates that are numbered: element k of draw n of a stream is a function of (seed, n, k) alone, so it has the same bits whether it is
/// drawn into a tensor or inside a chain, on any number of threads and at every vector width.
/// </summary>
public static unsafe class Deviates
{
    /// <summary>
    /// Elements are computed in groups of 64: sixteen counters of <see cref="Philox"/>, of which word w of counter j is element 16 w + j.
    /// </summary>
    public const int Group = 64;

    /// <summary>Elements 64·group … 64·group + 63 of a draw.</summary>
    /// <param name="seed">The stream.</param>
    /// <param name="draw">The number of the draw in its stream.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Draw<T, TDeviate>(ulong seed, ulong draw, long group, float* to)
        where T : unmanaged, IVector<T>
        where TDeviate : IDeviate
    {
        var first = (ulong)group * 16;
        for (var lane = 0; lane < 16; lane += T.Lanes)
        {
            T a = T.AddIntegers(Philox.LaneNumbers<T>(), T.Bits((uint)first + (uint)lane)),
                b = T.Bits((uint)(first >> 32)),
                c = T.Bits((uint)draw),
                d = T.Bits((uint)(draw >> 32));
            Philox.Words(seed, ref a, ref b, ref c, ref d);
            (a, b) = TDeviate.Of(a, b);
            (c, d) = TDeviate.Of(c, d);
            T.Store(a, to + lane);
            T.Store(b, to + 16 + lane);
            T.Store(c, to + 32 + lane);
            T.Store(d, to + 48 + lane);
        }
    }

    /// <summary>Elements 0 … count − 1 of a draw.</summary>
    public static void Fill<TDeviate>(ulong seed, ulong draw, float* to, long count)
        where TDeviate : IDeviate => Vectors.Run(new Whole<TDeviate>(seed, draw, to, count));

    readonly struct Whole<TDeviate>(ulong seed, ulong draw, float* to, long count) : IVectorWork
        where TDeviate : IDeviate
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> =>
            Tile.Each((count + Group - 1) / Group, Group, new Groups<T, TDeviate>(seed, draw, to, count));
    }

    readonly struct Groups<T, TDeviate>(ulong seed, ulong draw, float* to, long count) : ITileWork
        where T : unmanaged, IVector<T>
        where TDeviate : IDeviate
    {
        public void Do(long first, int groups, float* memory)
        {
            for (var group = first; group < first + groups; group++)
            {
                var rest = count - group * Group;
                Draw<T, TDeviate>(seed, draw, group, rest < Group ? memory : to + group * Group);
                if (rest < Group)
                    new Span<float>(memory, (int)rest).CopyTo(new Span<float>(to + group * Group, (int)rest));
            }
        }
    }

    /// <summary>The elements of some rows of a draw, one row after the other.</summary>
    /// <param name="places">The rows.</param>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="to">As many floats as the rows have numbers.</param>
    public static void Rows<TDeviate>(ulong seed, ulong draw, long[] places, long width, float* to)
        where TDeviate : IDeviate => Vectors.Run(new Some<TDeviate>(seed, draw, places, width, to));

    readonly struct Some<TDeviate>(ulong seed, ulong draw, long[] places, long width, float* to) : IVectorWork
        where TDeviate : IDeviate
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var group = stackalloc float[Group];
            var at = to;
            foreach (var place in places)
                for (long element = place * width, end = element + width; element < end; )
                {
                    // A row may begin and end in the middle of a group.
                    var skip = (int)(element % Group);
                    var count = (int)Math.Min(Group - skip, end - element);
                    Draw<T, TDeviate>(seed, draw, element / Group, count < Group ? group : at);
                    if (count < Group)
                        new Span<float>(group + skip, count).CopyTo(new Span<float>(at, count));
                    element += count;
                    at += count;
                }
        }
    }

    /// <summary>The elements of a tile's rows, all rows of a number beside each other.</summary>
    /// <param name="first">The tile's first row, a multiple of 32.</param>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="to">width · 32 floats.</param>
    /// <param name="memory"><see cref="Memory"/> floats.</param>
    public static void OfTile<T, TDeviate>(ulong seed, ulong draw, long first, int width, float* to, float* memory)
        where T : unmanaged, IVector<T>
        where TDeviate : IDeviate
    {
        long begin = first * width,
            group = begin / Group;
        // A row of an odd width begins a tile in the middle of a group.
        var skip = (int)(begin - group * Group);
        for (var at = 0; at < skip + width * Tile.Rows; at += Group)
            Draw<T, TDeviate>(seed, draw, group++, memory + at);
        Tile.Gather(memory + skip, 0, Tile.Rows, width, to);
    }

    /// <summary>Floats of memory that <see cref="OfTile"/> needs.</summary>
    public static int Memory(int width) => width * Tile.Rows + Group;
}
