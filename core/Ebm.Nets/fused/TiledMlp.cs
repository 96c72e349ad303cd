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
        hidden = layers.SkipLast(2).Sum(layer => Tile.Padded(layer.Outputs)),
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));

    // Of rows that choose a column each: their weights and biases. Then the derivatives of all hidden layers but the last, and two layers' values.
    public override int Memory => Chosen + (hidden + 2 * widest) * Tile.Rows;

    int Chosen => columns is null ? 0 : (top.Inputs + 1) * Tile.Rows;

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
        if (columns is null)
            return;
        fixed (byte* bytes = columns.bytes)
            for (var lane = 0; lane < Tile.Rows; lane++)
            {
                var column = ((long*)bytes)[first + Math.Min(lane, count - 1)];
                for (var i = 0; i < top.Inputs; i++)
                    memory[i * Tile.Rows + lane] = top.Weight[column * top.Inputs + i];
                memory[top.Inputs * Tile.Rows + lane] = top.Bias[column];
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* derivative = memory + Chosen,
            here = derivative + hidden * Tile.Rows,
            there = here + widest * Tile.Rows;
        var one = columns is null;
        float* weight = one ? top.Weight : memory,
            bias = one ? top.Bias : memory + top.Inputs * Tile.Rows;

        MlpMap.Copy(x, here, numbers);
        Scale<T>(scale, here, numbers * Tile.Rows);
        for (var l = 0; l < layers.Length - 1; l++)
        {
            var layer = layers[l];
            layer.Forward<T>(here, there);
            Swap(ref here, ref there);
            if (l == layers.Length - 2)
                break;
            Activated.Apply<T>(activation, here, slope == null ? null : derivative, layer.Outputs * Tile.Rows);
            derivative += Tile.Padded(layer.Outputs) * Tile.Rows;
        }
        // From here on, values are gradients before the activation.
        Activated.Sum<T>(activation, here, weight, bias, one, top.Inputs, energy, slope == null ? null : here);
        if (slope == null)
            return;
        for (var l = layers.Length - 2; l > 0; l--)
        {
            derivative -= Tile.Padded(layers[l].Inputs) * Tile.Rows;
            layers[l].Back<T>(here, derivative, there);
            Swap(ref here, ref there);
        }
        layers[0].Back<T>(here, null, there);
        MlpMap.Copy(there, slope, numbers);
        Scale<T>(scale, slope, numbers * Tile.Rows);
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
