using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// The gradient of the input slope of a fully connected network, for objectives on scores. With g_l = a′(z_l) ⊙ u_l and u_{l−1} = W_lᵀ g_l from the
/// outputs' weights down, the slope is W_1ᵀ g_1. For a gradient v of the slope, with tangents t_0 = v, ż_l = W_l t_{l−1}, t_l = a′(z_l) ⊙ ż_l,
/// <code>∂z_l = a″(z_l) ⊙ ż_l ⊙ u_l + a′(z_l) ⊙ W_{l+1}ᵀ ∂z_{l+1},   ∂W_l = Σ ∂z_l h_{l−1}ᵀ + g_l t_{l−1}ᵀ,   ∂b_l = Σ ∂z_l</code>
/// </summary>
/// <param name="rows">B.</param>
sealed unsafe class MlpSlopePass(PackedLayer[] layers, Activation activation, float scale, long rows)
{
    readonly PackedLayer[] layers = layers;
    readonly long rows = rows,
        tiles = (rows + Tile.Rows - 1) / Tile.Rows;
    readonly PackedLayer top = layers[^1];
    readonly int numbers = layers[0].Inputs,
        hidden = layers.SkipLast(1).Sum(layer => Tile.Padded(layer.Outputs)),
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));
    Lent[] g = [],
        dz = [],
        inputs = [],
        tangents = [];

    // a′, a″ and u of all hidden layers, and three layers' values, with room for a whole block behind the last number.
    int Memory => (3 * hidden + 3 * widest + WeightGradient.Block) * Tile.Rows;

    /// <summary>From the gradient v of the slope, those of the weights, of the outputs' weights and of the input.</summary>
    /// <param name="x">(B, numbers).</param>
    /// <param name="y">The outputs' weights, of which the slope is linear: (B, outputs).</param>
    /// <param name="v">(B, numbers).</param>
    /// <param name="weights">As for <see cref="MlpPass.Back"/>.</param>
    /// <param name="dy">(B, outputs).</param>
    /// <param name="dx">(B, numbers).</param>
    public void Back(float* x, float* y, float* v, nint[] weights, float* dy, float* dx)
    {
        g = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Padded(layer.Outputs) * Tile.Rows))];
        dz = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Padded(layer.Outputs) * Tile.Rows))];
        inputs = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Rows * WeightGradient.Padded(layer.Inputs)))];
        tangents = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Rows * WeightGradient.Padded(layer.Inputs)))];
        Vectors.Run(new Work(this, x, y, v, dy, dx));
        Vectors.Run(new Weights(this, weights));
        foreach (var lent in g.Concat(dz).Concat(inputs).Concat(tangents))
            lent.Return();
    }

    readonly struct Work(MlpSlopePass pass, float* x, float* y, float* v, float* dy, float* dx) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> => Tile.Each(pass.rows, pass.Memory, new One<T>(pass, x, y, v, dy, dx));
    }

    readonly struct One<T>(MlpSlopePass pass, float* x, float* y, float* v, float* dy, float* dx) : ITileWork
        where T : unmanaged, IVector<T>
    {
        public void Do(long first, int count, float* memory) => pass.Through<T>(x, y, v, dy, dx, first, count, memory);
    }

    readonly struct Weights(MlpSlopePass pass, nint[] weights) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var panels = MlpPass.Panels(pass.layers);
            var (of, to) = (pass, weights);
            Tile.EachOf(panels.Length, of.tiles * Tile.Rows, i => of.Panel<T>(panels[i].Layer, panels[i].Output, to));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Through<T>(float* x, float* y, float* v, float* dy, float* dx, long first, int count, float* memory)
        where T : unmanaged, IVector<T>
    {
        var all = hidden * Tile.Rows;
        float* derivative = memory,
            bend = derivative + all,
            u = bend + all,
            here = u + all,
            there = here + widest * Tile.Rows,
            other = there + widest * Tile.Rows;
        var last = layers.Length - 1;

        // Forward: h, a′ and a″.
        Tile.Gather(x, first, count, numbers, here);
        TiledMlp.Scale<T>(scale, here, numbers * Tile.Rows);
        var at = 0;
        for (var l = 0; l <= last; l++)
        {
            var layer = layers[l];
            WeightGradient.Turn<T>(here, layer.Inputs, first, tiles * Tile.Rows, inputs[l].Address);
            if (l == last)
                break;
            layer.Forward<T>(here, there);
            Activated.Apply<T>(activation, there, derivative + at, layer.Outputs * Tile.Rows, bend + at);
            at += Tile.Padded(layer.Outputs) * Tile.Rows;
            TiledMlp.Swap(ref here, ref there);
        }

        // From the outputs' weights down: u and g.
        Tile.GatherGradient(y, first, count, top.Outputs, Of(g, last, first));
        for (var l = last; l > 0; l--)
        {
            var below = Tile.Padded(layers[l].Inputs) * Tile.Rows;
            at -= below;
            layers[l].Back<T>(Of(g, l, first), null, u + at);
            Times<T>(u + at, derivative + at, Of(g, l - 1, first), below);
        }

        // Tangents: t, and a″ ⊙ ż ⊙ u in the place of u.
        Tile.GatherGradient(v, first, count, numbers, here);
        TiledMlp.Scale<T>(scale, here, numbers * Tile.Rows);
        for (var l = 0; l <= last; l++)
        {
            var layer = layers[l];
            WeightGradient.Turn<T>(here, layer.Inputs, first, tiles * Tile.Rows, tangents[l].Address);
            layer.Tangent<T>(here, there);
            if (l == last)
                break;
            var size = Tile.Padded(layer.Outputs) * Tile.Rows;
            Times<T>(there, u + at, u + at, size);
            Times<T>(bend + at, u + at, u + at, size);
            Times<T>(derivative + at, there, there, size);
            at += size;
            TiledMlp.Swap(ref here, ref there);
        }
        Tile.Scatter(there, first, count, top.Outputs, dy);

        // Down again: ∂z.
        new Span<float>(Of(dz, last, first), Tile.Padded(top.Outputs) * Tile.Rows).Clear();
        for (var l = last; l > 0; l--)
        {
            var below = Tile.Padded(layers[l].Inputs) * Tile.Rows;
            at -= below;
            var to = Of(dz, l - 1, first);
            if (l == last)
                Buffer.MemoryCopy(u + at, to, below * sizeof(float), below * sizeof(float));
            else
            {
                layers[l].Back<T>(Of(dz, l, first), derivative + at, other);
                for (var i = 0; i < below; i += T.Lanes)
                    T.Store(T.Load(u + at + i) + T.Load(other + i), to + i);
            }
        }
        layers[0].Back<T>(Of(dz, 0, first), null, here);
        TiledMlp.Scale<T>(scale, here, numbers * Tile.Rows);
        Tile.Scatter(here, first, count, numbers, dx);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Times<T>(float* a, float* b, float* to, int count)
        where T : unmanaged, IVector<T>
    {
        for (var i = 0; i < count; i += T.Lanes)
            T.Store(T.Load(a + i) * T.Load(b + i), to + i);
    }

    void Panel<T>(int l, int output, nint[] weights)
        where T : unmanaged, IVector<T>
    {
        if (weights[2 * l] == 0)
            return;
        var layer = layers[l];
        var across = Tile.Padded(layer.Outputs);
        float* weight = (float*)weights[2 * l],
            bias = (float*)weights[2 * l + 1];
        WeightGradient.Panel<T>(dz[l].Address, across, output, tiles, inputs[l].Address, layer.Inputs, layer.Outputs, weight, bias);
        WeightGradient.Panel<T>(g[l].Address, across, output, tiles, tangents[l].Address, layer.Inputs, layer.Outputs, weight, null, true);
    }

    float* Of(Lent[] of, int l, long first) => of[l].Address + first * Tile.Padded(layers[l].Outputs);
}
