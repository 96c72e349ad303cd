namespace Ebm.Nets;

/// <summary>
/// The arithmetic of a convolutional net's products and activations. Weights, optimizer state, energies, states of chains, noise and sums over rows are
/// float32 in either case.
/// </summary>
public enum Precision
{
    [AlsoWritten("fp32")]
    Float32,

    [AlsoWritten("bf16")]
    Bfloat16,
}

/// <summary>Layers in a net's arithmetic. In bfloat16, a layer's product reads rounded copies of its weights, which stay float32.</summary>
static class Arithmetic
{
    /// <summary>(B, C, H, W) → (B, C′, H′, W′), in the arithmetic's dtype.</summary>
    public static Tensor Conv(this Precision precision, Modules.Conv2d layer, Tensor x, long stride = 1, long padding = 1) =>
        Convolution.Of(precision.Of(x), precision.Of(layer.weight), precision.Of(layer.bias!), stride, padding);

    /// <summary>
    /// A convolution of few channels by kernels of 4 × 4 with stride 2, (B, C, H, W) → (B, C′, H/2, W/2), as one of blocks of 2 × 2 by kernels of 2 × 2
    /// with stride 1. libtorch is slow at the slope of a strided convolution in one or three channels.
    /// </summary>
    public static Tensor Halve(this Precision precision, Modules.Conv2d layer, Tensor x)
    {
        var (rows, outputs, channels) = (x.shape[0], layer.weight.shape[0], layer.weight.shape[1]);
        var (height, width) = (x.shape[2] / 2 + 1, x.shape[3] / 2 + 1);
        // Blocks with their numbers in the order (row, column, channel), in the input's places and in the kernel's.
        var blocks = nn
            .functional.pad(precision.Of(x), [1, 1, 1, 1])
            .permute(0, 2, 3, 1)
            .reshape(rows, height, 2, width, 2, channels)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(rows, height, width, 4 * channels);
        var weight = precision
            .Of(layer.weight)
            .reshape(outputs, channels, 2, 2, 2, 2)
            .permute(0, 2, 4, 3, 5, 1)
            .reshape(outputs, 2, 2, 4 * channels);
        return Convolution.Of(blocks.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2), precision.Of(layer.bias!));
    }

    /// <summary>(B, n) → (B, m), in the arithmetic's dtype.</summary>
    public static Tensor Dense(this Precision precision, Modules.Linear layer, Tensor x) =>
        nn.functional.linear(precision.Of(x), precision.Of(layer.weight), precision.Of(layer.bias!));

    /// <summary>A copy in the arithmetic's dtype; in float32, x itself.</summary>
    public static Tensor Of(this Precision precision, Tensor x) => precision == Precision.Bfloat16 ? x.to(bfloat16) : x;
}
