using Ebm.Devices;

namespace Ebm.Nets;

/// <summary>
/// Convolutions that are right on every processor. oneDNN 3.7.1, which is in libtorch 2.10, sorts the numbers of a tensor into blocks of 16 channels. Where it
/// believes that they do not fit into the first cache, it writes the zeros of an incomplete block over other numbers. Second slopes of 1 × 1 convolutions are
/// wrong there, too; the cause of that was not found. There is no error. This concerns all sizes if the processor hides its caches
/// (<see cref="Machine.HidesCaches"/>). There, channels are filled up with zeros to whole blocks, and a 1 × 1 convolution is a product of matrices.
/// </summary>
public static class Convolution
{
    const long Block = 16;

    /// <summary>(B, C, H, W) → (B, C′, H′, W′).</summary>
    /// <param name="weight">(C′, C, k, k).</param>
    /// <param name="bias">(C′), or null.</param>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null, long stride = 1, long padding = 0) =>
        Of(x, weight, bias, stride, (padding, padding));

    /// <summary>The same with other padding above and below than at the sides.</summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias, long stride, (long High, long Wide) padding) =>
        Of(x, weight, bias, stride, padding, Machine.HidesCaches && x.device_type == DeviceType.CPU);

    internal static Tensor Of(Tensor x, Tensor weight, Tensor? bias, long stride, (long High, long Wide) padding, bool inWholeBlocks)
    {
        long[] around = [padding.High, padding.Wide];
        if (!inWholeBlocks)
            return nn.functional.conv2d(x, weight, bias, [stride, stride], around);
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        if (weight.shape[2..] is [1, 1] && stride == 1 && padding == (0, 0))
            return nn.functional.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2);
        var y = nn.functional.conv2d(
            Filled(x, 1, inputs),
            Filled(Filled(weight, 1, inputs), 0, outputs),
            bias is null ? null : Filled(bias, 0, outputs),
            [stride, stride],
            around
        );
        return y.shape[1] == outputs ? y : y.narrow(1, 0, outputs);
    }

    /// <summary>The transposed convolution, (B, C, H, W) → (B, C′, H′, W′).</summary>
    /// <param name="weight">(C, C′, k, k).</param>
    public static Tensor Transposed(Tensor x, Tensor weight, Tensor bias, long stride = 1, long padding = 0) =>
        Transposed(x, weight, bias, stride, padding, Machine.HidesCaches && x.device_type == DeviceType.CPU);

    internal static Tensor Transposed(Tensor x, Tensor weight, Tensor bias, long stride, long padding, bool inWholeBlocks)
    {
        var (inputs, outputs) = (weight.shape[0], weight.shape[1]);
        if (!inWholeBlocks)
            return nn.functional.conv_transpose2d(x, weight, bias, [stride, stride], [padding, padding]);
        var y = nn.functional.conv_transpose2d(
            Filled(x, 1, inputs),
            Filled(Filled(weight, 0, inputs), 1, outputs),
            Filled(bias, 0, outputs),
            [stride, stride],
            [padding, padding]
        );
        return y.shape[1] == outputs ? y : y.narrow(1, 0, outputs);
    }

    /// <summary>Zeros after the numbers of a dimension, up to a whole number of blocks.</summary>
    static Tensor Filled(Tensor x, int dimension, long size)
    {
        var missing = (Block - size % Block) % Block;
        if (missing == 0)
            return x;
        // Two numbers for each dimension, from the last: none before, `missing` after.
        var around = new long[2 * (x.shape.Length - dimension)];
        around[^1] = missing;
        return nn.functional.pad(x, around);
    }
}
