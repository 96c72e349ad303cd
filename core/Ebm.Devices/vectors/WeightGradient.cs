using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>
/// The gradient of a layer's weights over a batch, ∂W[o, i] = Σ_rows g[o, row] h[row, i], and of its biases. Sums are taken
/// in a fixed order, so their bits depend neither on threads nor on the vector width.
/// </summary>
public static unsafe class WeightGradient
{
    /// <summary>Inputs that one sweep over the rows serves; h has rows of a multiple of it.</summary>
    public const int Block = 32;

    /// <summary>A number of inputs, filled up to whole blocks.</summary>
    public static int Padded(int inputs) => (inputs + Block - 1) / Block * Block;

    /// <summary>Rows first … first + 31 of h ← a tile: block by block of 32 numbers, with a row's numbers beside each other.</summary>
    /// <param name="from">width · 32 floats.</param>
    /// <param name="rows">Rows of h, whole tiles.</param>
    /// <param name="h">Padded(width) · rows floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Turn<T>(float* from, int width, long first, long rows, float* h)
        where T : unmanaged, IVector<T>
    {
        // The last block reads past the width: what it reads belongs to the tile's memory, and products with it are not used.
        for (var block = 0; block < width; block += Block)
        {
            var to = h + (block * rows) + first * Block;
            for (var i = 0; i < Block && block + i < width; i += T.Lanes)
            for (var row = 0; row < Tile.Rows; row += T.Lanes)
                T.Transpose(from + (block + i) * Tile.Rows + row, Tile.Rows, to + row * Block + i, Block);
        }
    }

    /// <summary>∂W of the panel of eight outputs that starts at <paramref name="output"/>, and its ∂b.</summary>
    /// <param name="g">Tiles of <paramref name="across"/> · 32 floats; lanes without a row are 0.</param>
    /// <param name="across">Numbers of g in a tile.</param>
    /// <param name="output">A multiple of 8.</param>
    /// <param name="h">As <see cref="Turn"/> writes it.</param>
    /// <param name="weight">(outputs, inputs).</param>
    /// <param name="bias">(outputs); null if it is not wanted.</param>
    /// <param name="adds">Whether to add to weight and bias instead of setting them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Panel<T>(
        float* g,
        int across,
        int output,
        long tiles,
        float* h,
        int inputs,
        int outputs,
        float* weight,
        float* bias,
        bool adds = false
    )
        where T : unmanaged, IVector<T>
    {
        var sums = stackalloc float[Tile.Panel * Block];
        var count = Math.Min(Tile.Panel, outputs - output);
        for (var first = 0; first < inputs; first += Block)
        {
            for (var i = 0; i < Block; i += 2 * T.Lanes)
            for (var o = 0; o < count; o += Half<T>())
                if (T.Lanes == 16)
                    Eight<T>(g + output * Tile.Rows, across, tiles, h + first * tiles * Tile.Rows, sums);
                else
                    Four<T>(g + (output + o) * Tile.Rows, across, tiles, h + first * tiles * Tile.Rows + i, sums + o * Block + i);
            var wide = Math.Min(Block, inputs - first);
            for (var o = 0; o < count; o++)
            {
                float* to = weight + (long)(output + o) * inputs + first,
                    from = sums + o * Block;
                if (!adds)
                    new ReadOnlySpan<float>(from, wide).CopyTo(new Span<float>(to, wide));
                else
                    for (var i = 0; i < wide; i++)
                        to[i] += from[i];
            }
        }
        if (bias == null)
            return;
        // Lanes first, then across the lanes of all outputs at once, so that no sum waits for the one before.
        for (var o = 0; o < count; o++)
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (long tile = 0; tile < tiles; tile++)
                sum += T.Load(g + (tile * across + output + o) * Tile.Rows + lane);
            T.Store(sum, sums + o * Tile.Rows + lane);
        }
        for (var step = Tile.Rows / 2; step > 0; step /= 2)
        for (var o = 0; o < count; o++)
        for (var row = 0; row < step; row++)
            sums[o * Tile.Rows + row] += sums[o * Tile.Rows + row + step];
        for (var o = 0; o < count; o++)
            bias[output + o] = adds ? bias[output + o] + sums[o * Tile.Rows] : sums[o * Tile.Rows];
    }

    static int Half<T>()
        where T : unmanaged, IVector<T> => T.Lanes == 16 ? 8 : 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Eight<T>(float* g, int across, long tiles, float* h, float* sums)
        where T : unmanaged, IVector<T>
    {
        T a0 = default,
            a1 = default,
            a2 = default,
            a3 = default,
            a4 = default,
            a5 = default,
            a6 = default,
            a7 = default;
        T c0 = default,
            c1 = default,
            c2 = default,
            c3 = default,
            c4 = default,
            c5 = default,
            c6 = default,
            c7 = default;
        for (; tiles > 0; tiles--, g += across * Tile.Rows)
        for (var row = 0; row < Tile.Rows; row++, h += Block)
        {
            T u = T.Load(h),
                v = T.Load(h + 16),
                w;
            w = T.Of(g[row]);
            a0 = T.MultiplyAdd(w, u, a0);
            c0 = T.MultiplyAdd(w, v, c0);
            w = T.Of(g[row + Tile.Rows]);
            a1 = T.MultiplyAdd(w, u, a1);
            c1 = T.MultiplyAdd(w, v, c1);
            w = T.Of(g[row + 2 * Tile.Rows]);
            a2 = T.MultiplyAdd(w, u, a2);
            c2 = T.MultiplyAdd(w, v, c2);
            w = T.Of(g[row + 3 * Tile.Rows]);
            a3 = T.MultiplyAdd(w, u, a3);
            c3 = T.MultiplyAdd(w, v, c3);
            w = T.Of(g[row + 4 * Tile.Rows]);
            a4 = T.MultiplyAdd(w, u, a4);
            c4 = T.MultiplyAdd(w, v, c4);
            w = T.Of(g[row + 5 * Tile.Rows]);
            a5 = T.MultiplyAdd(w, u, a5);
            c5 = T.MultiplyAdd(w, v, c5);
            w = T.Of(g[row + 6 * Tile.Rows]);
            a6 = T.MultiplyAdd(w, u, a6);
            c6 = T.MultiplyAdd(w, v, c6);
            w = T.Of(g[row + 7 * Tile.Rows]);
            a7 = T.MultiplyAdd(w, u, a7);
            c7 = T.MultiplyAdd(w, v, c7);
        }
        T.Store(a0, sums);
        T.Store(c0, sums + 16);
        T.Store(a1, sums + Block);
        T.Store(c1, sums + Block + 16);
        T.Store(a2, sums + 2 * Block);
        T.Store(c2, sums + 2 * Block + 16);
        T.Store(a3, sums + 3 * Block);
        T.Store(c3, sums + 3 * Block + 16);
        T.Store(a4, sums + 4 * Block);
        T.Store(c4, sums + 4 * Block + 16);
        T.Store(a5, sums + 5 * Block);
        T.Store(c5, sums + 5 * Block + 16);
        T.Store(a6, sums + 6 * Block);
        T.Store(c6, sums + 6 * Block + 16);
        T.Store(a7, sums + 7 * Block);
        T.Store(c7, sums + 7 * Block + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static void Four<T>(float* g, int across, long tiles, float* h, float* sums)
        where T : unmanaged, IVector<T>
    {
        T a0 = default,
            a1 = default,
            a2 = default,
            a3 = default,
            c0 = default,
            c1 = default,
            c2 = default,
            c3 = default;
        for (; tiles > 0; tiles--, g += across * Tile.Rows)
        for (var row = 0; row < Tile.Rows; row++, h += Block)
        {
            T u = T.Load(h),
                v = T.Load(h + T.Lanes),
                w;
            w = T.Of(g[row]);
            a0 = T.MultiplyAdd(w, u, a0);
            c0 = T.MultiplyAdd(w, v, c0);
            w = T.Of(g[row + Tile.Rows]);
            a1 = T.MultiplyAdd(w, u, a1);
            c1 = T.MultiplyAdd(w, v, c1);
            w = T.Of(g[row + 2 * Tile.Rows]);
            a2 = T.MultiplyAdd(w, u, a2);
            c2 = T.MultiplyAdd(w, v, c2);
            w = T.Of(g[row + 3 * Tile.Rows]);
            a3 = T.MultiplyAdd(w, u, a3);
            c3 = T.MultiplyAdd(w, v, c3);
        }
        T.Store(a0, sums);
        T.Store(c0, sums + T.Lanes);
        T.Store(a1, sums + Block);
        T.Store(c1, sums + Block + T.Lanes);
        T.Store(a2, sums + 2 * Block);
        T.Store(c2, sums + 2 * Block + T.Lanes);
        T.Store(a3, sums + 3 * Block);
        T.Store(c3, sums + 3 * Block + T.Lanes);
    }
}
