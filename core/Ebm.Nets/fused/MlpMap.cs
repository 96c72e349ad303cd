using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>All outputs of a small fully connected network on a tile, and the product of its Jacobian and a vector: the decoder in chains of codes.</summary>
sealed unsafe class MlpMap(PackedLayer[] layers, Activation activation, float scale) : TiledFunction
{
    readonly int kept = layers.Sum(layer => Tile.Padded(layer.Outputs)),
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));

    public override int Inputs => layers[0].Inputs;
    public override int Outputs => layers[^1].Outputs;

    // The derivatives of all layers, which become gradients, and two layers' values.
    public override int Memory => (kept + 2 * widest) * Tile.Rows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Through<T>(float* x, float* y, bool keeps, float* memory)
    {
        float* derivative = memory,
            here = memory + kept * Tile.Rows,
            there = here + widest * Tile.Rows;
        Copy(x, here, Inputs);
        TiledMlp.Scale<T>(scale, here, Inputs * Tile.Rows);
        for (var l = 0; l < layers.Length; l++)
        {
            var layer = layers[l];
            layer.Forward<T>(here, there);
            if (l < layers.Length - 1)
                Activated.Apply<T>(activation, there, keeps ? derivative : null, layer.Outputs * Tile.Rows);
            derivative += Tile.Padded(layer.Outputs) * Tile.Rows;
            TiledMlp.Swap(ref here, ref there);
        }
        Copy(here, y, Outputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Back<T>(float* dy, float* dx, float* memory)
    {
        float* gradient = dy,
            below = memory + (kept - Tile.Padded(Outputs)) * Tile.Rows,
            work = memory + kept * Tile.Rows;
        for (var l = layers.Length - 1; l > 0; l--)
        {
            var layer = layers[l];
            below -= Tile.Padded(layer.Inputs) * Tile.Rows;
            layer.Back<T>(gradient, below, below);
            gradient = below;
        }
        layers[0].Back<T>(gradient, null, work);
        TiledMlp.Scale<T>(scale, work, Inputs * Tile.Rows);
        Copy(work, dx, Inputs);
    }

    /// <summary>Copies numbers of a tile.</summary>
    internal static void Copy(float* from, float* to, int numbers) =>
        new ReadOnlySpan<float>(from, numbers * Tile.Rows).CopyTo(new Span<float>(to, numbers * Tile.Rows));
}
