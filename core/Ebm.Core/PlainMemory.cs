using System.Runtime.InteropServices;

namespace Ebm.Core;

/// <summary>
/// Tensors that loops of this project read and write as arrays of numbers: contiguous float32 on the CPU. An operator of libtorch costs about a
/// microsecond, more than such a loop over a layer of a small network.
/// </summary>
public static class PlainMemory
{
    public static bool Has(Tensor tensor) =>
        tensor.dtype == float32
        && tensor.device_type == DeviceType.CPU
        && tensor.is_contiguous()
        && tensor.numel() is > 0 and <= int.MaxValue / sizeof(float)
        && Writes.AreCounted;

    /// <summary>The numbers of such a tensor, to read; valid while the tensor lives.</summary>
    public static ReadOnlySpan<float> Of(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>The numbers of such a tensor, to write at once.</summary>
    public static Span<float> Written(Tensor tensor)
    {
        Writes.Count(tensor);
        return MemoryMarshal.Cast<byte, float>(tensor.bytes);
    }
}
