using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ebm.Nets;

/// <summary>
/// Output and input slope of a small fully connected network in one pass, without a graph, in tiles of sixteen rows whose activations stay in the
/// cache: forward h_i = a(W_i h_{i−1} + b_i), backward g_{i−1} = W_iᵀ (a′ ⊙ g_i). Chains spend nearly all their time here; autograd would spend
/// most of it on memory. Tiles are computed independently, so the number of threads and the batch size do not change any bit. A law compares it
/// with autograd.
/// </summary>
static unsafe class MlpSlope
{
    const int Tile = 16;

    /// <summary>A layer's weights, (Out, In) in row-major order, and its biases.</summary>
    public readonly record struct Layer(nint Weight, nint Bias, int In, int Out);

    public static bool Has(Activation activation) => activation is Activation.Silu or Activation.LeakyRelu or Activation.Relu;

    /// <summary>Whether this code can run: float32, on a CPU with vectors of eight or more.</summary>
    public static bool Runs(Tensor x) =>
        x.dtype == float32 && x.device_type == DeviceType.CPU && (Vector512.IsHardwareAccelerated || Vector256.IsHardwareAccelerated);

    /// <param name="x">(B, In) contiguous.</param>
    /// <param name="column">The output to use for each row, (B) int64 contiguous; null if there is only one.</param>
    /// <param name="value">(B).</param>
    /// <param name="slope">(B, In).</param>
    public static void Run(Layer[] layers, Activation activation, float scale, Tensor x, Tensor? column, Tensor value, Tensor slope)
    {
        var rows = (int)x.shape[0];
        var tiles = (rows + Tile - 1) / Tile;
        fixed (
            byte* xs = x.bytes,
                values = value.bytes,
                slopes = slope.bytes
        )
        fixed (byte* columns = column is null ? default : column.bytes)
        {
            var call = new Call(layers, activation, scale, (float*)xs, (long*)columns, (float*)values, (float*)slopes, rows);
            if (Machine.Threads == 1 || tiles < 8)
                call.Tiles(0, tiles);
            else
            {
                var (workers, each) = (Machine.Threads, (tiles + Machine.Threads - 1) / Machine.Threads);
                Parallel.For(
                    0,
                    workers,
                    new() { MaxDegreeOfParallelism = workers },
                    w => call.Tiles(w * each, Math.Min(tiles, (w + 1) * each))
                );
            }
        }
    }

    /// <summary>The data that all tiles of one call share.</summary>
    sealed class Call(Layer[] layers, Activation activation, float scale, float* x, long* column, float* value, float* slope, int rows)
    {
        public void Tiles(int from, int to)
        {
            if (from >= to)
                return;
            var widest = Math.Max(layers.Max(layer => layer.Out), layers[0].In);
            // Activations and derivatives of every hidden layer, the input, and two buffers for the backward pass.
            var needed = (layers.Take(layers.Length - 1).Sum(layer => 2 * layer.Out) + layers[0].In + 2 * widest) * Tile;
            var memory = (float*)NativeMemory.AlignedAlloc((nuint)needed * sizeof(float), 64);
            try
            {
                for (var tile = from; tile < to; tile++)
                    One(tile * Tile, Math.Min(Tile, rows - tile * Tile), memory, widest);
            }
            finally
            {
                NativeMemory.AlignedFree(memory);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        void One(int row, int count, float* memory, int widest)
        {
            var (dimension, last) = (layers[0].In, layers.Length - 1);
            var input = memory;
            for (var i = 0; i < dimension; i++)
            for (var lane = 0; lane < Tile; lane++)
                input[i * Tile + lane] = lane < count ? scale * x[(row + lane) * (long)dimension + i] : 0;

            var hidden = stackalloc float*[last + 1];
            var derivative = stackalloc float*[last + 1];
            var free = input + dimension * Tile;
            hidden[0] = input;
            for (var l = 0; l < last; l++)
            {
                hidden[l + 1] = free;
                derivative[l + 1] = free + layers[l].Out * Tile;
                free += 2 * layers[l].Out * Tile;
                Forward(layers[l], hidden[l], hidden[l + 1]);
                Activate(activation, hidden[l + 1], derivative[l + 1], layers[l].Out);
            }

            // The chosen output and its gradient in the last hidden layer.
            float* here = free,
                there = free + widest * Tile;
            var top = layers[last];
            float* weight = (float*)top.Weight,
                bias = (float*)top.Bias;
            for (var lane = 0; lane < Tile; lane++)
            {
                var chosen = column is null || lane >= count ? 0 : column[row + lane];
                if (chosen < 0 || chosen >= top.Out)
                    throw new ArgumentOutOfRangeException(
                        nameof(column),
                        chosen,
                        $"row {row + lane} asks for an output that does not exist; the network has {top.Out}"
                    );
                var chosenWeight = weight + chosen * top.In;
                var sum = bias[chosen];
                for (var i = 0; i < top.In; i++)
                {
                    here[i * Tile + lane] = chosenWeight[i];
                    sum += chosenWeight[i] * hidden[last][i * Tile + lane];
                }
                if (lane < count)
                    value[row + lane] = sum;
            }

            for (var l = last - 1; l >= 0; l--)
            {
                for (var i = 0; i < layers[l].Out; i++)
                    (Vector512.Load(here + i * Tile) * Vector512.Load(derivative[l + 1] + i * Tile)).Store(here + i * Tile);
                Backward(layers[l], here, there);
                var back = here;
                here = there;
                there = back;
            }
            for (var lane = 0; lane < count; lane++)
            for (var i = 0; i < dimension; i++)
                slope[(row + lane) * (long)dimension + i] = scale * here[i * Tile + lane];
        }
    }

    /// <summary>out_j = b_j + Σ_i W_ji in_i, eight outputs at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Forward(Layer layer, float* from, float* to)
    {
        float* weight = (float*)layer.Weight,
            bias = (float*)layer.Bias;
        var width = layer.In;
        var j = 0;
        for (; j + 8 <= layer.Out; j += 8)
        {
            var w = weight + (long)j * width;
            var (a0, a1, a2, a3) = (
                Vector512.Create(bias[j]),
                Vector512.Create(bias[j + 1]),
                Vector512.Create(bias[j + 2]),
                Vector512.Create(bias[j + 3])
            );
            var (a4, a5, a6, a7) = (
                Vector512.Create(bias[j + 4]),
                Vector512.Create(bias[j + 5]),
                Vector512.Create(bias[j + 6]),
                Vector512.Create(bias[j + 7])
            );
            for (var i = 0; i < width; i++)
            {
                var h = Vector512.Load(from + i * Tile);
                a0 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i]), h, a0);
                a1 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + width]), h, a1);
                a2 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 2 * width]), h, a2);
                a3 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 3 * width]), h, a3);
                a4 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 4 * width]), h, a4);
                a5 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 5 * width]), h, a5);
                a6 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 6 * width]), h, a6);
                a7 = Vector512.FusedMultiplyAdd(Vector512.Create(w[i + 7 * width]), h, a7);
            }
            Store(to + j * Tile, a0, a1, a2, a3, a4, a5, a6, a7);
        }
        for (; j < layer.Out; j++)
        {
            var sum = Vector512.Create(bias[j]);
            for (var i = 0; i < width; i++)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(weight[(long)j * width + i]), Vector512.Load(from + i * Tile), sum);
            sum.Store(to + j * Tile);
        }
    }

    /// <summary>out_i = Σ_j W_ji in_j, eight outputs at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Backward(Layer layer, float* from, float* to)
    {
        var weight = (float*)layer.Weight;
        var width = layer.In;
        var i = 0;
        for (; i + 8 <= width; i += 8)
        {
            Vector512<float> a0 = default,
                a1 = default,
                a2 = default,
                a3 = default,
                a4 = default,
                a5 = default,
                a6 = default,
                a7 = default;
            for (var j = 0; j < layer.Out; j++)
            {
                var w = weight + (long)j * width + i;
                var g = Vector512.Load(from + j * Tile);
                a0 = Vector512.FusedMultiplyAdd(Vector512.Create(w[0]), g, a0);
                a1 = Vector512.FusedMultiplyAdd(Vector512.Create(w[1]), g, a1);
                a2 = Vector512.FusedMultiplyAdd(Vector512.Create(w[2]), g, a2);
                a3 = Vector512.FusedMultiplyAdd(Vector512.Create(w[3]), g, a3);
                a4 = Vector512.FusedMultiplyAdd(Vector512.Create(w[4]), g, a4);
                a5 = Vector512.FusedMultiplyAdd(Vector512.Create(w[5]), g, a5);
                a6 = Vector512.FusedMultiplyAdd(Vector512.Create(w[6]), g, a6);
                a7 = Vector512.FusedMultiplyAdd(Vector512.Create(w[7]), g, a7);
            }
            Store(to + i * Tile, a0, a1, a2, a3, a4, a5, a6, a7);
        }
        for (; i < width; i++)
        {
            var sum = Vector512<float>.Zero;
            for (var j = 0; j < layer.Out; j++)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(weight[(long)j * width + i]), Vector512.Load(from + j * Tile), sum);
            sum.Store(to + i * Tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(
        float* to,
        Vector512<float> a0,
        Vector512<float> a1,
        Vector512<float> a2,
        Vector512<float> a3,
        Vector512<float> a4,
        Vector512<float> a5,
        Vector512<float> a6,
        Vector512<float> a7
    )
    {
        a0.Store(to);
        a1.Store(to + Tile);
        a2.Store(to + 2 * Tile);
        a3.Store(to + 3 * Tile);
        a4.Store(to + 4 * Tile);
        a5.Store(to + 5 * Tile);
        a6.Store(to + 6 * Tile);
        a7.Store(to + 7 * Tile);
    }

    /// <summary>h ← a(h), d ← a′(h).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Activate(Activation activation, float* h, float* d, int width)
    {
        var one = Vector512<float>.One;
        for (var i = 0; i < width * Tile; i += Tile)
        {
            var at = Vector512.Load(h + i);
            if (activation == Activation.Silu)
            {
                var sigmoid = one / (one + Exp(-at));
                (at * sigmoid).Store(h + i);
                (sigmoid * (one + at * (one - sigmoid))).Store(d + i);
            }
            else
            {
                var kept = Vector512.Create(activation == Activation.Relu ? 0 : .2f);
                var slope = Vector512.ConditionalSelect(Vector512.GreaterThan(at, Vector512<float>.Zero), one, kept);
                (at * slope).Store(h + i);
                slope.Store(d + i);
            }
        }
    }

    /// <summary>eˣ with an error of one unit in the last place: 2ⁿ times a polynomial on [−½ ln 2, ½ ln 2]. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Exp(Vector512<float> x)
    {
        var held = Vector512.Min(Vector512.Max(x, Vector512.Create(-87.3f)), Vector512.Create(88f));
        var n = Vector512.Floor(Vector512.FusedMultiplyAdd(held, Vector512.Create(1.44269504f), Vector512.Create(.5f)));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-.693359375f), held);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1 / 5040f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 720f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 120f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 24f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 6f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), p * power, x);
    }
}
