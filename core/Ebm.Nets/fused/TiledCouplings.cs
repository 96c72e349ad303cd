using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// Couplings on a tile, in one pass without a graph: a ← f(a; θ(b)) with rows as lanes, and back with g ← ∂f/∂aᵀ g, g_b ← g_b + ∂θ/∂bᵀ ∂f/∂θᵀ g. Small
/// flows spend most of their time on dispatching operators; here a tile passes all couplings while it is in the cache. A law compares it with
/// autograd.
/// </summary>
/// <param name="networks">A coupling's network, hidden layers with SiLU.</param>
/// <param name="scale">Multiplies the inputs of the networks.</param>
/// <param name="first">Numbers in the first half.</param>
sealed unsafe class TiledCouplings(PackedLayer[][] networks, ITiledMonotone monotone, float scale, int first, long[] shape, bool inverted)
    : TiledMap(shape)
{
    readonly TiledCoupling[] couplings = TiledCoupling.Stack(networks, monotone, scale, first, (int)shape.Size());

    public override int Memory => couplings.Sum(coupling => coupling.Memory);

    /// <summary>In the order of the flow.</summary>
    public IReadOnlyList<TiledCoupling> Couplings => couplings;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* y, float* logVolume, bool keeps, float* memory)
    {
        var size = Numbers * Tile.Rows * sizeof(float);
        Buffer.MemoryCopy(x, y, size, size);
        new Span<float>(logVolume, Tile.Rows).Clear();
        for (var i = 0; i < couplings.Length; i++)
        {
            var coupling = couplings[inverted ? couplings.Length - 1 - i : i];
            // Without a way back, all couplings use the same memory, which stays in the cache.
            coupling.Through<T>(y, inverted, logVolume, keeps, keeps ? memory + coupling.Start : memory);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Back<T>(float* slope, float* weight, float* memory)
    {
        for (var i = couplings.Length - 1; i >= 0; i--)
        {
            var coupling = couplings[inverted ? couplings.Length - 1 - i : i];
            coupling.Back<T>(slope, inverted, weight, memory + coupling.Start);
        }
    }
}

/// <summary>
/// One coupling on a tile. Its memory has the network's input, each hidden layer's values and derivatives, which become gradients on the way back, the
/// parameters, which become their gradients, and what the monotone function keeps.
/// </summary>
sealed unsafe class TiledCoupling
{
    readonly ITiledMonotone monotone;
    readonly float scale;
    readonly int moved,
        count,
        other,
        kept,
        towards;
    readonly int[] values,
        gradients;

    TiledCoupling(PackedLayer[] layers, ITiledMonotone monotone, float scale, int moved, int count, int other, int start)
    {
        (Layers, this.monotone, this.scale, Start) = (layers, monotone, scale, start);
        (this.moved, this.count, this.other) = (moved * Tile.Rows, count, other * Tile.Rows);
        (values, gradients) = (new int[layers.Length], new int[layers.Length]);
        for (var l = 0; l < layers.Length; l++)
        {
            values[l] = Next(Tile.Padded(layers[l].Inputs));
            gradients[l] = Next(Tile.Padded(layers[l].Outputs));
        }
        kept = Next(count * monotone.Kept);
        towards = Next(Tile.Padded(layers[0].Inputs));

        int Next(int numbers)
        {
            var at = Memory;
            Memory += numbers * Tile.Rows;
            return at;
        }
    }

    public static TiledCoupling[] Stack(PackedLayer[][] networks, ITiledMonotone monotone, float scale, int first, int numbers)
    {
        var start = 0;
        var couplings = new TiledCoupling[networks.Length];
        for (var k = 0; k < networks.Length; k++)
        {
            couplings[k] = CouplingFlow.MovesFirst(k)
                ? new(networks[k], monotone, scale, 0, first, first, start)
                : new(networks[k], monotone, scale, first, numbers - first, 0, start);
            start += couplings[k].Memory;
        }
        return couplings;
    }

    public PackedLayer[] Layers { get; }

    /// <summary>Where its memory begins, in floats.</summary>
    public int Start { get; }

    /// <summary>Floats.</summary>
    public int Memory { get; private set; }

    /// <summary>Where the input of a layer is in the memory: Inputs · 32 floats.</summary>
    public int Values(int layer) => values[layer];

    /// <summary>Where, after the way back, the gradient of a layer's outputs is: Outputs · 32 floats.</summary>
    public int Gradients(int layer) => gradients[layer];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Through<T>(float* rows, bool inverted, float* logVolume, bool keeps, float* memory)
        where T : unmanaged, IVector<T>
    {
        var by = T.Of(scale);
        for (var i = 0; i < Layers[0].Inputs * Tile.Rows; i += T.Lanes)
            T.Store(by * T.Load(rows + other + i), memory + values[0] + i);
        for (var l = 0; l < Layers.Length; l++)
        {
            var layer = Layers[l];
            var top = l == Layers.Length - 1;
            var to = memory + (top ? gradients[l] : values[l + 1]);
            layer.Forward<T>(memory + values[l], to);
            if (!top)
                Activated.Apply<T>(Activation.Silu, to, keeps ? memory + gradients[l] : null, layer.Outputs * Tile.Rows);
        }
        monotone.Map<T>(rows + moved, count, memory + gradients[^1], inverted, logVolume, keeps ? memory + kept : null);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Back<T>(float* slope, bool inverted, float* weight, float* memory)
        where T : unmanaged, IVector<T>
    {
        monotone.Back<T>(slope + moved, count, memory + gradients[^1], inverted, weight, memory + kept);
        for (var l = Layers.Length - 1; l >= 0; l--)
        {
            var layer = Layers[l];
            var to = memory + (l == 0 ? towards : gradients[l - 1]);
            layer.Back<T>(memory + gradients[l], l == 0 ? null : to, to);
        }
        var by = T.Of(scale);
        for (var i = 0; i < Layers[0].Inputs * Tile.Rows; i += T.Lanes)
            T.Store(T.MultiplyAdd(by, T.Load(memory + towards + i), T.Load(slope + other + i)), slope + other + i);
    }
}
