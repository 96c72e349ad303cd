using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>
/// Products of a layer's weights with a tile: the numbers of 32 rows of a batch, with all rows of a number beside each other, so that a row is a
/// lane. Weights are packed in panels of eight outputs. Each lane adds in the order of the inputs, so its bits depend neither on the vector width
/// nor on the other rows.
/// </summary>
public static unsafe class Tile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 32;

    /// <summary>Outputs of a panel.</summary>
    public const int Panel = 8;

    /// <summary>A number of outputs, filled up to whole panels.</summary>
    public static int Padded(int outputs) => (outputs + Panel - 1) / Panel * Panel;

    /// <summary>Floats of packed weights; transposed products also read what lies between them and whole panels of inputs.</summary>
    public static int Packed(int outputs, int inputs) => Padded(outputs) * inputs + Panel * (Padded(inputs) - inputs);

    /// <summary>packed[panel][input][8] of weights (outputs, inputs), row by row. Missing outputs of the last panel are 0.</summary>
    /// <param name="packed"><see cref="Packed"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* weight, int outputs, int inputs, float* packed)
    {
        for (var o = 0; o < outputs; o += Panel, weight += Panel * inputs, packed += Panel * inputs)
        {
            var (i, count) = (0, Math.Min(Panel, outputs - o));
            for (; count == Panel && i + 4 <= inputs; i += 4)
            {
                Lanes4.Transpose(weight + i, inputs, packed + i * Panel, Panel);
                Lanes4.Transpose(weight + 4 * inputs + i, inputs, packed + i * Panel + 4, Panel);
            }
            for (; i < inputs; i++)
            for (var k = 0; k < Panel; k++)
                packed[i * Panel + k] = k < count ? weight[k * inputs + i] : 0;
        }
    }

    /// <summary>to[o] = bias[o] + Σ_i W[o, i] from[i] for a tile.</summary>
    /// <param name="packed">As <see cref="Pack"/> makes it.</param>
    /// <param name="bias">Padded(outputs) floats; null for none.</param>
    /// <param name="from">inputs · 32 floats.</param>
    /// <param name="to">Padded(outputs) · 32 floats, apart from <paramref name="from"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<T>(float* packed, float* bias, int inputs, int outputs, float* from, float* to)
        where T : unmanaged, IVector<T>
    {
        if (outputs <= 2)
            for (var lane = 0; lane < Rows; lane += 2 * T.Lanes)
                Two<T, Rowwise>(packed, inputs, bias, null, inputs, from + lane, to + lane);
        else
            for (var o = 0; o < outputs; o += Panel)
                One<T, Rowwise>(packed + o * inputs, inputs, At(bias, o), null, inputs, from, to + o * Rows);
    }

    /// <summary>to[i] = Σ_o W[o, i] from[o] for a tile, times a factor if one is given.</summary>
    /// <param name="packed">As <see cref="Pack"/> makes it.</param>
    /// <param name="factor">Padded(wanted) · 32 floats, such as derivatives of an activation; null for none.</param>
    /// <param name="wanted">How many inputs are wanted, from the first.</param>
    /// <param name="from">outputs · 32 floats.</param>
    /// <param name="to">Padded(wanted) · 32 floats, apart from <paramref name="from"/>. Numbers beyond the wanted have any value.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyTransposed<T>(float* packed, float* factor, int inputs, int wanted, int outputs, float* from, float* to)
        where T : unmanaged, IVector<T>
    {
        if (wanted <= 2)
            for (var lane = 0; lane < Rows; lane += 2 * T.Lanes)
                Two<T, Columnwise>(packed, inputs, null, At(factor, lane), outputs, from + lane, to + lane);
        else
            for (var i = 0; i < wanted; i += Panel)
                One<T, Columnwise>(packed + i * Panel, inputs, null, At(factor, i * Rows), outputs, from, to + i * Rows);
    }

    /// <summary>How a product walks through packed weights.</summary>
    interface IWalk
    {
        /// <summary>Floats from the weight of one result to that of the next.</summary>
        static abstract int Across { get; }

        /// <summary>Floats from the weights of one term to those of the next.</summary>
        static abstract int Along { get; }
    }

    /// <summary>Results are outputs: their weights lie beside each other, term after term.</summary>
    readonly struct Rowwise : IWalk
    {
        public static int Across => 1;
        public static int Along => Panel;
    }

    /// <summary>Results are inputs: terms lie beside each other within a panel.</summary>
    readonly struct Columnwise : IWalk
    {
        public static int Across => Panel;
        public static int Along => 1;
    }

    /// <summary>One panel of results, with sixteen accumulators where the machine has the registers, and eight elsewhere.</summary>
    /// <param name="inputs">Of the layer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void One<T, TWalk>(float* w, int inputs, float* bias, float* factor, int terms, float* from, float* to)
        where T : unmanaged, IVector<T>
        where TWalk : IWalk
    {
        if (T.Lanes == 16)
            Eight<T, TWalk>(w, inputs, bias, factor, terms, from, to);
        else
            for (var lane = 0; lane < Rows; lane += 2 * T.Lanes)
            {
                Four<T, TWalk>(w, inputs, bias, At(factor, lane), terms, from + lane, to + lane);
                Four<T, TWalk>(
                    w + 4 * TWalk.Across,
                    inputs,
                    At(bias, 4),
                    At(factor, lane + 4 * Rows),
                    terms,
                    from + lane,
                    to + lane + 4 * Rows
                );
            }
    }

    /// <summary>Terms that lie in the panel of the weights at w.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Run<TWalk>(long terms)
        where TWalk : IWalk => TWalk.Along == 1 ? (int)Math.Min(Panel, terms) : (int)terms;

    /// <summary>Floats from behind a panel's last term to the next panel's first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Jump<TWalk>(int inputs)
        where TWalk : IWalk => TWalk.Along == 1 ? Panel * (inputs - 1) : 0;

    static float* At(float* memory, int index) => memory == null ? null : memory + index;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Eight<T, TWalk>(float* w, int inputs, float* bias, float* factor, int terms, float* from, float* to)
        where T : unmanaged, IVector<T>
        where TWalk : IWalk
    {
        T a0 = default,
            a1 = default,
            a2 = default,
            a3 = default,
            a4 = default,
            a5 = default,
            a6 = default,
            a7 = default;
        if (bias != null)
        {
            a0 = T.Of(bias[0]);
            a1 = T.Of(bias[1]);
            a2 = T.Of(bias[2]);
            a3 = T.Of(bias[3]);
            a4 = T.Of(bias[4]);
            a5 = T.Of(bias[5]);
            a6 = T.Of(bias[6]);
            a7 = T.Of(bias[7]);
        }
        T c0 = a0,
            c1 = a1,
            c2 = a2,
            c3 = a3,
            c4 = a4,
            c5 = a5,
            c6 = a6,
            c7 = a7;
        for (var end = from + terms * Rows; from < end; w += Jump<TWalk>(inputs))
        for (var stop = from + Run<TWalk>((end - from) / Rows) * Rows; from < stop; from += Rows, w += TWalk.Along)
        {
            T h = T.Load(from),
                g = T.Load(from + 16),
                v;
            v = T.Of(*w);
            a0 = T.MultiplyAdd(v, h, a0);
            c0 = T.MultiplyAdd(v, g, c0);
            v = T.Of(w[TWalk.Across]);
            a1 = T.MultiplyAdd(v, h, a1);
            c1 = T.MultiplyAdd(v, g, c1);
            v = T.Of(w[2 * TWalk.Across]);
            a2 = T.MultiplyAdd(v, h, a2);
            c2 = T.MultiplyAdd(v, g, c2);
            v = T.Of(w[3 * TWalk.Across]);
            a3 = T.MultiplyAdd(v, h, a3);
            c3 = T.MultiplyAdd(v, g, c3);
            v = T.Of(w[4 * TWalk.Across]);
            a4 = T.MultiplyAdd(v, h, a4);
            c4 = T.MultiplyAdd(v, g, c4);
            v = T.Of(w[5 * TWalk.Across]);
            a5 = T.MultiplyAdd(v, h, a5);
            c5 = T.MultiplyAdd(v, g, c5);
            v = T.Of(w[6 * TWalk.Across]);
            a6 = T.MultiplyAdd(v, h, a6);
            c6 = T.MultiplyAdd(v, g, c6);
            v = T.Of(w[7 * TWalk.Across]);
            a7 = T.MultiplyAdd(v, h, a7);
            c7 = T.MultiplyAdd(v, g, c7);
        }
        if (factor != null)
        {
            a0 *= T.Load(factor);
            c0 *= T.Load(factor + 16);
            a1 *= T.Load(factor + Rows);
            c1 *= T.Load(factor + Rows + 16);
            a2 *= T.Load(factor + 2 * Rows);
            c2 *= T.Load(factor + 2 * Rows + 16);
            a3 *= T.Load(factor + 3 * Rows);
            c3 *= T.Load(factor + 3 * Rows + 16);
            a4 *= T.Load(factor + 4 * Rows);
            c4 *= T.Load(factor + 4 * Rows + 16);
            a5 *= T.Load(factor + 5 * Rows);
            c5 *= T.Load(factor + 5 * Rows + 16);
            a6 *= T.Load(factor + 6 * Rows);
            c6 *= T.Load(factor + 6 * Rows + 16);
            a7 *= T.Load(factor + 7 * Rows);
            c7 *= T.Load(factor + 7 * Rows + 16);
        }
        T.Store(a0, to);
        T.Store(c0, to + 16);
        T.Store(a1, to + Rows);
        T.Store(c1, to + Rows + 16);
        T.Store(a2, to + 2 * Rows);
        T.Store(c2, to + 2 * Rows + 16);
        T.Store(a3, to + 3 * Rows);
        T.Store(c3, to + 3 * Rows + 16);
        T.Store(a4, to + 4 * Rows);
        T.Store(c4, to + 4 * Rows + 16);
        T.Store(a5, to + 5 * Rows);
        T.Store(c5, to + 5 * Rows + 16);
        T.Store(a6, to + 6 * Rows);
        T.Store(c6, to + 6 * Rows + 16);
        T.Store(a7, to + 7 * Rows);
        T.Store(c7, to + 7 * Rows + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Four<T, TWalk>(float* w, int inputs, float* bias, float* factor, int terms, float* from, float* to)
        where T : unmanaged, IVector<T>
        where TWalk : IWalk
    {
        T a0 = default,
            a1 = default,
            a2 = default,
            a3 = default;
        if (bias != null)
        {
            a0 = T.Of(bias[0]);
            a1 = T.Of(bias[1]);
            a2 = T.Of(bias[2]);
            a3 = T.Of(bias[3]);
        }
        T c0 = a0,
            c1 = a1,
            c2 = a2,
            c3 = a3;
        for (var end = from + terms * Rows; from < end; w += Jump<TWalk>(inputs))
        for (var stop = from + Run<TWalk>((end - from) / Rows) * Rows; from < stop; from += Rows, w += TWalk.Along)
        {
            T h = T.Load(from),
                g = T.Load(from + T.Lanes),
                v;
            v = T.Of(*w);
            a0 = T.MultiplyAdd(v, h, a0);
            c0 = T.MultiplyAdd(v, g, c0);
            v = T.Of(w[TWalk.Across]);
            a1 = T.MultiplyAdd(v, h, a1);
            c1 = T.MultiplyAdd(v, g, c1);
            v = T.Of(w[2 * TWalk.Across]);
            a2 = T.MultiplyAdd(v, h, a2);
            c2 = T.MultiplyAdd(v, g, c2);
            v = T.Of(w[3 * TWalk.Across]);
            a3 = T.MultiplyAdd(v, h, a3);
            c3 = T.MultiplyAdd(v, g, c3);
        }
        if (factor != null)
        {
            a0 *= T.Load(factor);
            c0 *= T.Load(factor + T.Lanes);
            a1 *= T.Load(factor + Rows);
            c1 *= T.Load(factor + Rows + T.Lanes);
            a2 *= T.Load(factor + 2 * Rows);
            c2 *= T.Load(factor + 2 * Rows + T.Lanes);
            a3 *= T.Load(factor + 3 * Rows);
            c3 *= T.Load(factor + 3 * Rows + T.Lanes);
        }
        T.Store(a0, to);
        T.Store(c0, to + T.Lanes);
        T.Store(a1, to + Rows);
        T.Store(c1, to + Rows + T.Lanes);
        T.Store(a2, to + 2 * Rows);
        T.Store(c2, to + 2 * Rows + T.Lanes);
        T.Store(a3, to + 3 * Rows);
        T.Store(c3, to + 3 * Rows + T.Lanes);
    }

    /// <summary>The first two outputs of a panel: the slope in the plane needs no more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Two<T, TWalk>(float* w, int inputs, float* bias, float* factor, int terms, float* from, float* to)
        where T : unmanaged, IVector<T>
        where TWalk : IWalk
    {
        T a0 = bias == null ? default : T.Of(bias[0]),
            a1 = bias == null ? default : T.Of(bias[1]),
            c0 = a0,
            c1 = a1;
        for (var end = from + terms * Rows; from < end; w += Jump<TWalk>(inputs))
        for (var stop = from + Run<TWalk>((end - from) / Rows) * Rows; from < stop; from += Rows, w += TWalk.Along)
        {
            T h = T.Load(from),
                g = T.Load(from + T.Lanes),
                v;
            v = T.Of(*w);
            a0 = T.MultiplyAdd(v, h, a0);
            c0 = T.MultiplyAdd(v, g, c0);
            v = T.Of(w[TWalk.Across]);
            a1 = T.MultiplyAdd(v, h, a1);
            c1 = T.MultiplyAdd(v, g, c1);
        }
        if (factor != null)
        {
            a0 *= T.Load(factor);
            c0 *= T.Load(factor + T.Lanes);
            a1 *= T.Load(factor + Rows);
            c1 *= T.Load(factor + Rows + T.Lanes);
        }
        T.Store(a0, to);
        T.Store(c0, to + T.Lanes);
        T.Store(a1, to + Rows);
        T.Store(c1, to + Rows + T.Lanes);
    }

    /// <summary>to ← rows first … first + count − 1 of x as a tile; lanes without a row repeat the last row.</summary>
    /// <param name="x">Rows of <paramref name="width"/> numbers.</param>
    /// <param name="to">width · 32 floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(float* x, long first, int count, int width, float* to)
    {
        for (var row = 0; row < Rows; row++)
        {
            var from = x + (first + Math.Min(row, count - 1)) * width;
            for (var i = 0; i < width; i++)
                to[i * Rows + row] = from[i];
        }
    }

    /// <summary>The same, with 0 in lanes without a row: for gradients, which are summed over lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void GatherGradient(float* x, long first, int count, int width, float* to)
    {
        Gather(x, first, count, width, to);
        for (var i = 0; count < Rows && i < width; i++)
            new Span<float>(to + i * Rows + count, Rows - count).Clear();
    }

    /// <summary>Rows first … first + count − 1 of x ← a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scatter(float* from, long first, int count, int width, float* x)
    {
        for (var row = 0; row < count; row++)
        {
            var to = x + (first + row) * width;
            for (var i = 0; i < width; i++)
                to[i] = from[i * Rows + row];
        }
    }

    /// <summary>
    /// Does work on each tile of a batch, on <see cref="Machine.Threads"/> threads. Which thread does a tile depends on chance, so the work must not.
    /// </summary>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="memory">Floats that the work needs, aligned to 64 bytes, with any content.</param>
    public static void Each<TWork>(long rows, int memory, TWork work)
        where TWork : ITileWork
    {
        var (tiles, threads) = ((rows + Rows - 1) / Rows, Machine.Threads);
        if (threads == 1 || tiles < 4)
        {
            var mine = Mine(memory);
            for (long tile = 0; tile < tiles; tile++)
                work.Do(tile * Rows, (int)Math.Min(Rows, rows - tile * Rows), mine);
            return;
        }
        var next = -1L;
        Parallel.For(
            0,
            (int)Math.Min(threads, tiles),
            new() { MaxDegreeOfParallelism = threads },
            _ =>
            {
                var mine = Mine(memory);
                for (long tile; (tile = Interlocked.Increment(ref next)) < tiles; )
                    work.Do(tile * Rows, (int)Math.Min(Rows, rows - tile * Rows), mine);
            }
        );
    }

    /// <summary>Does independent pieces of work, on several threads if they are worth it.</summary>
    /// <param name="rows">Rows of the batch: a measure of the work.</param>
    public static void EachOf(int count, long rows, Action<int> work)
    {
        var threads = Machine.Threads;
        if (threads == 1 || rows < 4 * Rows)
            for (var i = 0; i < count; i++)
                work(i);
        else
            Parallel.For(0, count, new() { MaxDegreeOfParallelism = threads }, work);
    }

    [ThreadStatic]
    static float[]? held;

    /// <summary>Memory of this thread, kept for the next call. An array on the pinned heap does not move.</summary>
    static float* Mine(int floats)
    {
        if (held is null || held.Length < floats + 16)
            held = GC.AllocateUninitializedArray<float>(floats + 16, pinned: true);
        var start = (nuint)Unsafe.AsPointer(ref held[0]);
        return (float*)((start + 63) & ~(nuint)63);
    }
}

/// <summary>Work on one tile of a batch.</summary>
public unsafe interface ITileWork
{
    /// <param name="first">The tile's first row.</param>
    /// <param name="count">Its rows, 1 … 32.</param>
    void Do(long first, int count, float* memory);
}
