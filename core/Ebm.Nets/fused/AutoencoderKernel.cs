using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// The fully connected autoencoder on a tile, forward and backward:
/// <code>
/// h = trunk(scale x̃, log σ),   z = C h,   s = S h + J z,   u = L a(s)
/// g_s = a′(s) ⊙ Lᵀ g_u,   g_z = Jᵀ g_s,   g_h = Cᵀ g_z + Sᵀ g_s,   then back through the trunk
/// </code>
/// A tile keeps the derivatives of the activations; the gradients replace them, and those of the weights may follow from there.
/// </summary>
sealed unsafe class AutoencoderKernel
{
    readonly PackedLayer[] trunk;
    readonly PackedLayer code,
        skip,
        join,
        last;
    readonly Activation activation;
    readonly float scale;
    readonly int widest;

    /// <param name="layers">The trunk's, then C, S, J and L, all with biases.</param>
    public AutoencoderKernel(PackedLayer[] layers, Activation activation, float scale)
    {
        (Layers, this.activation, this.scale) = (layers, activation, scale);
        (trunk, code, skip, join, last) = (layers[..^4], layers[^4], layers[^3], layers[^2], layers[^1]);
        widest = layers.Max(layer => Math.Max(Tile.Padded(layer.Outputs), Tile.Padded(layer.Inputs)));
        Gradients = new int[layers.Length];
        Inputs = new int[layers.Length];
        for (var l = 0; l < layers.Length; l++)
        {
            // S and J end in one sum, so they have one gradient; C and S have one input.
            var (isSkip, isJoin) = (layers[l] == skip, layers[l] == join);
            Gradients[l] = isJoin ? Gradients[l - 1] : Kept;
            Kept += isJoin ? 0 : Tile.Padded(layers[l].Outputs);
            Inputs[l] = isSkip ? Inputs[l - 1] : Turned;
            Turned += isSkip ? 0 : WeightGradient.Padded(layers[l].Inputs);
        }
    }

    public PackedLayer[] Layers { get; }

    /// <summary>Where a tile keeps the gradient of each layer's outputs, in numbers.</summary>
    public int[] Gradients { get; }

    /// <summary>Numbers that a tile keeps between forward and backward.</summary>
    public int Kept { get; }

    /// <summary>Where the inputs of each layer are, in numbers, among all that weight gradients need.</summary>
    public int[] Inputs { get; }

    /// <summary>Numbers of a row that weight gradients need.</summary>
    public int Turned { get; }

    /// <summary>Numbers of x̃ and of u.</summary>
    public int Numbers => last.Outputs;

    public int Codes => code.Outputs;

    /// <summary>Floats of working memory: three layers' values, with room for a whole block behind the last number.</summary>
    public int Memory => (3 * widest + WeightGradient.Block) * Tile.Rows;

    /// <summary>z, or u.</summary>
    /// <param name="x">x̃: Numbers · 32 floats.</param>
    /// <param name="log">log σ: 32 floats.</param>
    /// <param name="z">Codes · 32 floats; null if u is wanted.</param>
    /// <param name="u">Numbers · 32 floats.</param>
    /// <param name="kept">Kept · 32 floats; null if <see cref="Back"/> will not follow.</param>
    /// <param name="turned">Where to write the inputs of layers for weight gradients, Turned · rows floats; null for nowhere.</param>
    /// <param name="first">The tile's first row among those of <paramref name="turned"/>.</param>
    /// <param name="rows">Rows of <paramref name="turned"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Through<T>(float* x, float* log, float* z, float* u, float* kept, float* turned, long first, long rows, float* memory)
        where T : unmanaged, IVector<T>
    {
        float* here = memory,
            there = here + widest * Tile.Rows,
            other = there + widest * Tile.Rows;
        MlpMap.Copy(x, here, Numbers);
        TiledMlp.Scale<T>(scale, here, Numbers * Tile.Rows);
        MlpMap.Copy(log, here + Numbers * Tile.Rows, 1);
        for (var l = 0; l < trunk.Length; l++)
        {
            var layer = trunk[l];
            Turn<T>(here, l, turned, first, rows);
            layer.Forward<T>(here, there);
            Activated.Apply<T>(activation, there, Keeping(kept, l), layer.Outputs * Tile.Rows);
            TiledMlp.Swap(ref here, ref there);
        }
        Turn<T>(here, trunk.Length, turned, first, rows);
        code.Forward<T>(here, there);
        if (z != null)
        {
            MlpMap.Copy(there, z, Codes);
            return;
        }
        Turn<T>(there, trunk.Length + 2, turned, first, rows);
        join.Forward<T>(there, other);
        skip.Forward<T>(here, there);
        for (var i = 0; i < skip.Outputs * Tile.Rows; i += T.Lanes)
            T.Store(T.Load(there + i) + T.Load(other + i), there + i);
        Activated.Apply<T>(activation, there, Keeping(kept, trunk.Length + 1), skip.Outputs * Tile.Rows);
        Turn<T>(there, trunk.Length + 3, turned, first, rows);
        last.Forward<T>(there, here);
        MlpMap.Copy(here, u, Numbers);
    }

    /// <summary>The gradients of all layers' outputs, in place of the derivatives, and of x̃.</summary>
    /// <param name="kept">From <see cref="Through"/>, with that of u in its place.</param>
    /// <param name="dx">Numbers · 32 floats; null if it is not wanted.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Back<T>(float* kept, float* dx, float* memory)
        where T : unmanaged, IVector<T>
    {
        float* ofU = Keeping(kept, trunk.Length + 3),
            ofS = Keeping(kept, trunk.Length + 1),
            ofZ = Keeping(kept, trunk.Length),
            ofH = Keeping(kept, trunk.Length - 1),
            other = memory + widest * Tile.Rows;
        last.Back<T>(ofU, ofS, ofS);
        join.Back<T>(ofS, null, ofZ);
        code.Back<T>(ofZ, ofH, memory);
        skip.Back<T>(ofS, ofH, other);
        for (var i = 0; i < skip.Inputs * Tile.Rows; i += T.Lanes)
            T.Store(T.Load(memory + i) + T.Load(other + i), ofH + i);
        for (var l = trunk.Length - 1; l > 0; l--)
        {
            var layer = trunk[l];
            var below = Keeping(kept, l - 1);
            layer.Back<T>(Keeping(kept, l), below, below);
        }
        if (dx == null)
            return;
        // log σ, the last input, needs no gradient.
        trunk[0].Back<T>(Keeping(kept, 0), null, memory, Numbers);
        TiledMlp.Scale<T>(scale, memory, Numbers * Tile.Rows);
        MlpMap.Copy(memory, dx, Numbers);
    }

    /// <summary>Where u's gradient comes before <see cref="Back"/>.</summary>
    public float* OfU(float* kept) => Keeping(kept, trunk.Length + 3);

    float* Keeping(float* kept, int layer) => kept == null ? null : kept + Gradients[layer] * Tile.Rows;

    void Turn<T>(float* from, int layer, float* turned, long first, long rows)
        where T : unmanaged, IVector<T>
    {
        if (turned != null)
            WeightGradient.Turn<T>(from, Layers[layer].Inputs, first, rows, turned + Inputs[layer] * rows);
    }
}
