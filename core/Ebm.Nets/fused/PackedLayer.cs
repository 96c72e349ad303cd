namespace Ebm.Nets;

/// <summary>
/// The weights of a linear layer as <see cref="Tile.Multiply"/> and <see cref="Tile.MultiplyTransposed"/> read them. They are packed again only if
/// the layer's weights have changed; a copy of the weights shows that, whatever changed them.
/// </summary>
sealed unsafe class PackedLayer
{
    /// <summary>Floats that one array may have; larger layers stay with libtorch.</summary>
    const long Most = 1 << 30;

    // Made when they are first needed: a network is also built to count its weights, on a machine that could not hold them.
    float[] weight = [],
        packed = [],
        bias = [];

    public PackedLayer(long inputs, long outputs) => (Inputs, Outputs) = ((int)inputs, (int)outputs);

    /// <summary>Whether the layer, and its values for a batch, fit into arrays.</summary>
    public bool Takes(long rows) =>
        ((long)Inputs + Tile.Panel) * (Outputs + Tile.Panel) <= Most
        && (rows + Tile.Rows) * (Math.Max(Inputs, Outputs) + WeightGradient.Block) <= Most;

    public int Inputs { get; }
    public int Outputs { get; }

    /// <summary>b, filled up with zeros to whole panels.</summary>
    public float* Bias => Address(bias);

    /// <summary>to ← W from + b on a tile.</summary>
    public void Forward<T>(float* from, float* to)
        where T : unmanaged, IVector<T> => Tile.Multiply<T>(Address(packed), Bias, Inputs, Outputs, from, to);

    /// <summary>to ← W from.</summary>
    public void Tangent<T>(float* from, float* to)
        where T : unmanaged, IVector<T> => Tile.Multiply<T>(Address(packed), null, Inputs, Outputs, from, to);

    /// <summary>to ← factor ⊙ Wᵀ from, without a factor if it is null.</summary>
    /// <param name="wanted">How many inputs are wanted; null for all.</param>
    public void Back<T>(float* from, float* factor, float* to, int? wanted = null)
        where T : unmanaged, IVector<T> => Tile.MultiplyTransposed<T>(Address(packed), factor, Inputs, wanted ?? Inputs, Outputs, from, to);

    /// <summary>W, (Outputs, Inputs) row by row.</summary>
    public float* Weight => Address(weight);

    /// <summary>Takes over the present weights and biases.</summary>
    public PackedLayer Follow(Modules.Linear layer)
    {
        float* w = Floats.Of(layer.weight),
            b = Floats.Of(layer.bias!);
        var isNew = packed.Length == 0;
        if (isNew)
        {
            weight = Pinned(Inputs * Outputs);
            packed = Pinned(Tile.Packed(Outputs, Inputs));
            bias = Pinned(Tile.Padded(Outputs));
        }
        new ReadOnlySpan<float>(b, Outputs).CopyTo(bias);
        // Compared as bits: NaN would equal nothing, and −0 would equal 0.
        var now = new ReadOnlySpan<int>(w, weight.Length);
        if (!isNew && now.SequenceEqual(new ReadOnlySpan<int>(Weight, weight.Length)))
            return this;
        new ReadOnlySpan<float>(w, weight.Length).CopyTo(weight);
        Tile.Pack(w, Outputs, Inputs, Address(packed));
        return this;
    }

    /// <summary>An array that does not move, at a multiple of 64 bytes as far as the runtime allows.</summary>
    static float[] Pinned(int floats) => GC.AllocateArray<float>(floats, pinned: true);

    static float* Address(float[] array) => (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
}
