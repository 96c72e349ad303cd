namespace Ebm.Nets;

/// <summary>
/// The weights of a linear layer as <see cref="Tile.Multiply"/> reads them, forward and backward. They are packed again only if the layer's weights
/// have changed; a copy of the weights shows that, whatever changed them.
/// </summary>
sealed unsafe class PackedLayer
{
    readonly float[] weight,
        forward,
        backward,
        bias;
    bool filled;

    public PackedLayer(long inputs, long outputs)
    {
        (Inputs, Outputs) = ((int)inputs, (int)outputs);
        weight = Pinned(Inputs * Outputs);
        forward = Pinned(Inputs * Tile.Padded(Outputs));
        backward = Pinned(Outputs * Tile.Padded(Inputs));
        bias = Pinned(Tile.Padded(Outputs));
    }

    public int Inputs { get; }
    public int Outputs { get; }

    /// <summary>For z = W h + b.</summary>
    public float* Forward => Address(forward);

    /// <summary>For Wᵀ g.</summary>
    public float* Backward => Address(backward);

    /// <summary>b, filled up with zeros to whole panels.</summary>
    public float* Bias => Address(bias);

    /// <summary>W, (Outputs, Inputs) row by row.</summary>
    public float* Weight => Address(weight);

    /// <summary>Takes over the present weights and biases.</summary>
    public PackedLayer Follow(Modules.Linear layer)
    {
        float* w = Floats.Of(layer.weight),
            b = Floats.Of(layer.bias!);
        new ReadOnlySpan<float>(b, Outputs).CopyTo(bias);
        // Compared as bits: NaN would equal nothing, and −0 would equal 0.
        var now = new ReadOnlySpan<int>(w, weight.Length);
        if (filled && now.SequenceEqual(new ReadOnlySpan<int>(Weight, weight.Length)))
            return this;
        new ReadOnlySpan<float>(w, weight.Length).CopyTo(weight);
        Tile.Pack(w, Outputs, Inputs, Forward);
        Tile.PackTransposed(w, Outputs, Inputs, Backward);
        filled = true;
        return this;
    }

    /// <summary>An array that does not move, at a multiple of 64 bytes as far as the runtime allows.</summary>
    static float[] Pinned(int floats) => GC.AllocateArray<float>(floats, pinned: true);

    static float* Address(float[] array) => (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
}
