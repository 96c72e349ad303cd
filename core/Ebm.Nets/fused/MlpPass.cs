using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// One pass of a batch through a fully connected network and back: outputs, and for a gradient of the outputs those of all weights and of the
/// input. Between the two it keeps, on tiles, the derivatives of the activations, and the inputs of the layers row by row.
/// </summary>
/// <param name="rows">B.</param>
sealed unsafe class MlpPass(PackedLayer[] layers, Activation activation, float scale, long rows)
{
    readonly PackedLayer[] layers = layers;
    readonly long rows = rows,
        tiles = (rows + Tile.Rows - 1) / Tile.Rows;
    readonly PackedLayer top = layers[^1];
    readonly int numbers = layers[0].Inputs,
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));

    /// <summary>Per layer below the top: a′ in tiles, which becomes g; and per layer its input in rows. Empty unless the pass keeps them.</summary>
    Lent[] gradients = [],
        inputs = [];

    // Two layers' values, with room for a whole block behind the last number.
    int Memory => (2 * widest + WeightGradient.Block) * Tile.Rows;

    /// <summary>Outputs: (B, numbers) → (B, outputs).</summary>
    /// <param name="keeps">Whether <see cref="Back"/> will follow.</param>
    /// <param name="learns">Whether it will be asked for gradients of weights.</param>
    public void Through(float* x, float* y, bool keeps, bool learns = true)
    {
        if (keeps)
            gradients = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Padded(layer.Outputs) * Tile.Rows))];
        if (keeps && learns)
            inputs = [.. layers.Select(layer => Lent.Floats(tiles * Tile.Rows * WeightGradient.Padded(layer.Inputs)))];
        Vectors.Run(new Work(this, x, y, keeps, true));
    }

    /// <summary>∂ of every weight and bias, and of the input, from ∂ of the outputs.</summary>
    /// <param name="dy">(B, outputs).</param>
    /// <param name="weights">A layer's (Outputs, Inputs), then its (Outputs); null pointers for those that are not wanted. Null if none is.</param>
    /// <param name="dx">(B, numbers); null if it is not wanted.</param>
    public void Back(float* dy, nint[]? weights, float* dx)
    {
        Vectors.Run(new Work(this, dy, dx, false, false));
        if (weights is not null)
            Vectors.Run(new Weights(this, weights));
        foreach (var lent in gradients.Concat(inputs))
            lent.Return();
        (gradients, inputs) = ([], []);
    }

    /// <summary>Whether what <see cref="Back"/> needs is there: it is used once.</summary>
    public bool Keeps => gradients.Length > 0;

    readonly struct Work(MlpPass pass, float* from, float* to, bool keeps, bool forward) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> => Tile.Each(pass.rows, pass.Memory, new One<T>(pass, from, to, keeps, forward));
    }

    readonly struct One<T>(MlpPass pass, float* from, float* to, bool keeps, bool forward) : ITileWork
        where T : unmanaged, IVector<T>
    {
        public void Do(long first, int count, float* memory)
        {
            if (forward)
                pass.Forward<T>(from, to, keeps, first, count, memory);
            else
                pass.Backward<T>(from, to, first, count, memory);
        }
    }

    readonly struct Weights(MlpPass pass, nint[] weights) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var panels = Panels(pass.layers);
            var (of, to) = (pass, weights);
            Tile.EachOf(panels.Length, of.tiles * Tile.Rows, i => of.Panel<T>(panels[i].Layer, panels[i].Output, to));
        }
    }

    /// <summary>All panels of all layers: the layer, and the panel's first output.</summary>
    internal static (int Layer, int Output)[] Panels(PackedLayer[] layers) =>
        [.. layers.SelectMany((layer, l) => Enumerable.Range(0, Tile.Padded(layer.Outputs) / Tile.Panel).Select(p => (l, p * Tile.Panel)))];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Forward<T>(float* x, float* y, bool keeps, long first, int count, float* memory)
        where T : unmanaged, IVector<T>
    {
        float* here = memory,
            there = here + widest * Tile.Rows;
        Tile.Gather(x, first, count, numbers, here);
        TiledMlp.Scale<T>(scale, here, numbers * Tile.Rows);
        for (var l = 0; l < layers.Length; l++)
        {
            var layer = layers[l];
            if (inputs.Length > 0)
                WeightGradient.Turn<T>(here, layer.Inputs, first, tiles * Tile.Rows, inputs[l].Address);
            layer.Forward<T>(here, there);
            if (l < layers.Length - 1)
                Activated.Apply<T>(activation, there, keeps ? Gradient(l, first) : null, layer.Outputs * Tile.Rows);
            TiledMlp.Swap(ref here, ref there);
        }
        Tile.Scatter(here, first, count, top.Outputs, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Backward<T>(float* dy, float* dx, long first, int count, float* memory)
        where T : unmanaged, IVector<T>
    {
        var l = layers.Length - 1;
        Tile.GatherGradient(dy, first, count, top.Outputs, Gradient(l, first));
        for (; l > 0; l--)
            layers[l].Back<T>(Gradient(l, first), Gradient(l - 1, first), Gradient(l - 1, first));
        if (dx == null)
            return;
        layers[0].Back<T>(Gradient(0, first), null, memory);
        TiledMlp.Scale<T>(scale, memory, numbers * Tile.Rows);
        Tile.Scatter(memory, first, count, numbers, dx);
    }

    void Panel<T>(int l, int output, nint[] weights)
        where T : unmanaged, IVector<T>
    {
        var layer = layers[l];
        if (weights[2 * l] != 0)
            WeightGradient.Panel<T>(
                gradients[l].Address,
                Tile.Padded(layer.Outputs),
                output,
                tiles,
                inputs[l].Address,
                layer.Inputs,
                layer.Outputs,
                (float*)weights[2 * l],
                (float*)weights[2 * l + 1]
            );
    }

    /// <summary>a′ of layer l, then g, of the tile that starts at a row.</summary>
    float* Gradient(int l, long first) => gradients[l].Address + first * Tile.Padded(layers[l].Outputs);
}
