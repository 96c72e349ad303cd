using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ebm.Nets;

/// <summary>
/// Output and input slope of a small fully connected network on a tile, in one pass without a graph: forward h_l = a(W_l h_{l−1} + b_l), backward
/// g_{l−1} = W_lᵀ (a′ ⊙ g_l). Chains spend nearly all their time here; autograd would spend most of it on memory. A law compares it with autograd.
/// </summary>
/// <param name="layers">The last one has an output per column.</param>
/// <param name="columns">The output of each row, (B) int64 contiguous; null for the only output.</param>
sealed unsafe class TiledMlp(PackedLayer[] layers, Activation activation, float scale, Tensor? columns) : TiledEnergy
{
    readonly PackedLayer top = layers[^1];
    readonly int numbers = layers[0].Inputs,
        hidden = layers.SkipLast(1).Sum(layer => Tile.Padded(layer.Outputs)),
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));

    // The columns, the derivatives of all hidden layers, and two layers' values.
    public override int Memory => (1 + hidden + 2 * widest) * Tile.Rows;

    /// <summary>Checks the columns once, because kernels read without checks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column does not exist.</exception>
    public static Tensor? Checked(Tensor? columns, int outputs)
    {
        if (columns is null)
            return null;
        var read = columns.contiguous();
        // A span, because an accessor of TorchSharp allocates an array for each number that it reads.
        var values = MemoryMarshal.Cast<byte, long>(read.bytes);
        for (var row = 0; row < values.Length; row++)
            if ((ulong)values[row] >= (ulong)outputs)
                throw new ArgumentOutOfRangeException(
                    nameof(columns),
                    values[row],
                    $"row {row} asks for an output that does not exist; the network has {outputs}"
                );
        return read;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Begin(long first, int count, float* memory)
    {
        var chosen = (int*)memory;
        if (columns is null)
        {
            new Span<int>(chosen, Tile.Rows).Clear();
            return;
        }
        fixed (byte* bytes = columns.bytes)
            for (var lane = 0; lane < Tile.Rows; lane++)
                chosen[lane] = (int)((long*)bytes)[first + Math.Min(lane, count - 1)];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* derivatives = memory + Tile.Rows,
            here = derivatives + hidden * Tile.Rows,
            there = here + widest * Tile.Rows;

        Buffer.MemoryCopy(x, here, (long)numbers * Tile.Rows * sizeof(float), (long)numbers * Tile.Rows * sizeof(float));
        Scale<T>(scale, here, numbers * Tile.Rows);
        var derivative = derivatives;
        foreach (var layer in layers.AsSpan(0, layers.Length - 1))
        {
            Tile.Multiply<T>(layer.Forward, layer.Bias, null, layer.Inputs, layer.Outputs, here, there);
            Activated.Apply<T>(activation, there, slope == null ? null : derivative, layer.Outputs * Tile.Rows);
            derivative += Tile.Padded(layer.Outputs) * Tile.Rows;
            Swap(ref here, ref there);
        }
        if (slope == null)
        {
            Top<T>((int*)memory, here, energy, null, null);
            return;
        }
        // g of the last hidden layer, then of the layer below each.
        derivative -= Tile.Padded(top.Inputs) * Tile.Rows;
        Top<T>((int*)memory, here, energy, derivative, there);
        for (var l = layers.Length - 2; l >= 0; l--)
        {
            Swap(ref here, ref there);
            var layer = layers[l];
            derivative -= Tile.Padded(layer.Inputs) * Tile.Rows;
            Tile.Multiply<T>(layer.Backward, null, l == 0 ? null : derivative, layer.Outputs, layer.Inputs, here, there);
        }
        Buffer.MemoryCopy(there, slope, (long)numbers * Tile.Rows * sizeof(float), (long)numbers * Tile.Rows * sizeof(float));
        Scale<T>(scale, slope, numbers * Tile.Rows);
    }

    /// <summary>The chosen output of each row, and g, its gradient before the last activation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Top<T>(int* chosen, float* h, float* energy, float* derivative, float* g)
        where T : unmanaged, IVector<T>
    {
        var one = top.Outputs == 1;
        for (var lane = 0; lane < Tile.Rows; lane += 2 * T.Lanes)
        {
            int* left = chosen + lane,
                right = left + T.Lanes;
            T a = one ? T.Of(top.Bias[0]) : Picked<T>(top.Bias, 1, left),
                b = one ? a : Picked<T>(top.Bias, 1, right);
            for (var i = 0; i < top.Inputs; i++)
            {
                T u = one ? T.Of(top.Weight[i]) : Picked<T>(top.Weight + i, top.Inputs, left),
                    v = one ? u : Picked<T>(top.Weight + i, top.Inputs, right);
                var at = i * Tile.Rows + lane;
                a = T.MultiplyAdd(u, T.Load(h + at), a);
                b = T.MultiplyAdd(v, T.Load(h + at + T.Lanes), b);
                if (g == null)
                    continue;
                T.Store(u * T.Load(derivative + at), g + at);
                T.Store(v * T.Load(derivative + at + T.Lanes), g + at + T.Lanes);
            }
            T.Store(a, energy + lane);
            T.Store(b, energy + lane + T.Lanes);
        }
    }

    static T Picked<T>(float* from, int stride, int* chosen)
        where T : unmanaged, IVector<T>
    {
        var found = stackalloc float[T.Lanes];
        for (var lane = 0; lane < T.Lanes; lane++)
            found[lane] = from[(long)stride * chosen[lane]];
        return T.Load(found);
    }

    internal static void Swap(ref float* a, ref float* b)
    {
        var kept = a;
        a = b;
        b = kept;
    }

    /// <summary>Multiplies numbers in place.</summary>
    /// <param name="count">Whole vectors.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scale<T>(float factor, float* numbers, int count)
        where T : unmanaged, IVector<T>
    {
        if (factor == 1)
            return;
        var by = T.Of(factor);
        for (var i = 0; i < count; i += T.Lanes)
            T.Store(by * T.Load(numbers + i), numbers + i);
    }
}
