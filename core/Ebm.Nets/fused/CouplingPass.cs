using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// One pass of a batch through couplings and back: results and log volumes, and for gradients of these those of all weights and of the input. Between
/// the two it keeps the memory of each tile.
/// </summary>
/// <param name="rows">B.</param>
sealed unsafe class CouplingPass(TiledCouplings map, long rows)
{
    readonly TiledCouplings map = map;
    readonly int numbers = map.Numbers,
        memory = map.Memory;
    readonly long rows = rows,
        tiles = (rows + Tile.Rows - 1) / Tile.Rows;

    /// <summary>The memory of each tile, with room for a whole block behind the last one; null if it is not kept.</summary>
    Lent? kept;

    /// <summary>Whether what <see cref="Back"/> needs is there: it is used once.</summary>
    public bool Keeps => kept is not null;

    /// <summary>(B, numbers) → (B, numbers) and (B).</summary>
    public void Through(float* x, float* y, float* logVolume)
    {
        kept = Lent.Floats(tiles * memory + WeightGradient.Block * Tile.Rows);
        Vectors.Run(new Forward(this, x, y, logVolume));
    }

    /// <summary>∂ of every weight and bias, and of the input, from ∂ of the results and log volumes.</summary>
    /// <param name="dy">(B, numbers).</param>
    /// <param name="dLogVolume">(B).</param>
    /// <param name="weights">Of each coupling's layers in turn (Outputs, Inputs), then (Outputs); empty if they are not wanted.</param>
    /// <param name="dx">(B, numbers); null if it is not wanted.</param>
    public void Back(float* dy, float* dLogVolume, nint[] weights, float* dx)
    {
        var learning = weights.Length == 0 ? [] : map.Couplings;
        Lent[][] inputs =
        [
            .. learning.Select(coupling =>
                coupling.Layers.Select(layer => Lent.Floats(tiles * Tile.Rows * WeightGradient.Padded(layer.Inputs))).ToArray()
            ),
        ];
        Vectors.Run(new Backward(this, dy, dLogVolume, inputs, dx));
        if (weights.Length > 0)
            Vectors.Run(new Weights(this, inputs, weights));
        foreach (var lent in inputs.SelectMany(layers => layers))
            lent.Return();
        kept!.Return();
        kept = null;
    }

    float* Kept(long first) => kept!.Address + first / Tile.Rows * memory;

    readonly struct Forward(CouplingPass pass, float* x, float* y, float* logVolume) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> =>
            Tile.Each(pass.rows, (2 * pass.numbers + 1) * Tile.Rows, new Forward<T>(pass, x, y, logVolume));
    }

    readonly struct Forward<T>(CouplingPass pass, float* x, float* y, float* logVolume) : ITileWork
        where T : unmanaged, IVector<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(long first, int count, float* memory)
        {
            float* to = memory + pass.numbers * Tile.Rows,
                volume = to + pass.numbers * Tile.Rows;
            Tile.Gather(x, first, count, pass.numbers, memory);
            pass.map.At<T>(memory, to, volume, keeps: true, pass.Kept(first));
            Tile.Scatter(to, first, count, pass.numbers, y);
            Tile.Scatter(volume, first, count, 1, logVolume);
        }
    }

    readonly struct Backward(CouplingPass pass, float* dy, float* dLogVolume, Lent[][] inputs, float* dx) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> =>
            Tile.Each(pass.rows, (pass.numbers + 1) * Tile.Rows, new Backward<T>(pass, dy, dLogVolume, inputs, dx));
    }

    readonly struct Backward<T>(CouplingPass pass, float* dy, float* dLogVolume, Lent[][] inputs, float* dx) : ITileWork
        where T : unmanaged, IVector<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(long first, int count, float* memory)
        {
            float* weight = memory + pass.numbers * Tile.Rows,
                kept = pass.Kept(first);
            Tile.GatherGradient(dy, first, count, pass.numbers, memory);
            Tile.GatherGradient(dLogVolume, first, count, 1, weight);
            pass.map.Back<T>(memory, weight, kept);
            if (dx != null)
                Tile.Scatter(memory, first, count, pass.numbers, dx);
            for (var k = 0; k < inputs.Length; k++)
            for (var l = 0; l < inputs[k].Length; l++)
            {
                var coupling = pass.map.Couplings[k];
                var from = kept + coupling.Start + coupling.Values(l);
                WeightGradient.Turn<T>(from, coupling.Layers[l].Inputs, first, pass.tiles * Tile.Rows, inputs[k][l].Address);
            }
        }
    }

    readonly struct Weights(CouplingPass pass, Lent[][] inputs, nint[] weights) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T>
        {
            var (of, from, to) = (pass, inputs, weights);
            var layers = of.map.Couplings.SelectMany((coupling, k) => coupling.Layers.Select((_, l) => (Coupling: k, Layer: l))).ToArray();
            var panels = layers
                .SelectMany(
                    (at, index) =>
                        Enumerable
                            .Range(0, Tile.Padded(of.map.Couplings[at.Coupling].Layers[at.Layer].Outputs) / Tile.Panel)
                            .Select(panel => (at.Coupling, at.Layer, Index: index, Output: panel * Tile.Panel))
                )
                .ToArray();
            Tile.EachOf(
                panels.Length,
                of.tiles * Tile.Rows,
                i =>
                {
                    var (k, l, index, output) = panels[i];
                    var coupling = of.map.Couplings[k];
                    var layer = coupling.Layers[l];
                    WeightGradient.Panel<T>(
                        of.Kept(0) + coupling.Start + coupling.Gradients(l),
                        of.memory / Tile.Rows,
                        output,
                        of.tiles,
                        from[k][l].Address,
                        layer.Inputs,
                        layer.Outputs,
                        (float*)to[2 * index],
                        (float*)to[2 * index + 1]
                    );
                }
            );
        }
    }
}
