// Tensors from .NET arrays: copied for tensor(…), shared for as_tensor, from_array and frombuffer, which pin the array until its last view
// is gone.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor over an array of any rank: the array's own memory, unless another dtype or device is asked for.</summary>
    public static Tensor from_array(Array rawArray, Device? device = null) => from_array(rawArray, null, device ?? CPU);

    public static Tensor from_array(
        Array rawArray,
        ScalarType? dtype,
        Device? device = null,
        bool requires_grad = false,
        string[]? names = null
    )
    {
        var type = ToScalarType(rawArray.GetType().GetElementType()!);
        return Moved(Over(rawArray, 0, SizesOf(rawArray), type), dtype, device, requires_grad, names);
    }

    /// <summary>
    /// A one-dimensional tensor over an array's memory, from element <paramref name="offset"/> on; all of them when count is
    /// negative.
    /// </summary>
    public static Tensor frombuffer(Array rawArray, ScalarType dtype, long count = -1, long offset = 0, bool requires_grad = false)
    {
        var type = ToScalarType(rawArray.GetType().GetElementType()!);
        if (offset < 0 || offset >= rawArray.LongLength)
        {
            throw new ArgumentException(
                $"frombuffer: the offset is {offset}, of an array of {rawArray.LongLength} elements.",
                nameof(offset)
            );
        }
        var taken = count < 0 ? rawArray.LongLength - offset : count;
        if (taken > rawArray.LongLength - offset)
        {
            throw new IndexOutOfRangeException($"frombuffer: {taken} elements from {offset} on, of an array of {rawArray.LongLength}.");
        }
        return Moved(Over(rawArray, offset, [taken], type), dtype, CPU, requires_grad, null);
    }

    public static Tensor as_tensor(Array data, ScalarType? dtype = null, Device? device = null) => from_array(data, dtype, device);

    /// <summary>The tensor itself (a second owner of it) where dtype and device are already those asked for.</summary>
    public static Tensor as_tensor(Tensor data, ScalarType? dtype = null, Device? device = null) =>
        dtype is null && device is null ? data.alias() : data.to(dtype ?? data.dtype, device ?? data.device);

    public static Tensor as_tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null) => from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null) => from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null) => from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(long[] rawArray, ScalarType? dtype = null, Device? device = null) => from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    public static Tensor as_tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray, dtype, device);

    public static Tensor as_tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null) =>
        from_array(rawArray.ToArray(), dtype, device);

    static Tensor One<T>(T value, ScalarType? dtype, Device? device, bool requires_grad)
        where T : unmanaged => Copied(new ReadOnlySpan<T>(ref value), [], dtype, device, requires_grad, null);

    static unsafe Tensor Copied<T>(
        ReadOnlySpan<T> values,
        ReadOnlySpan<long> sizes,
        ScalarType? dtype,
        Device? device,
        bool requires_grad,
        string[]? names
    )
        where T : unmanaged
    {
        var tensor = Aten.empty_memory_format.Tensor(sizes.ToArray(), ToScalarType(typeof(T)), Argument.None, CPU);
        var count = CountOf(sizes);
        if (count > values.Length)
        {
            tensor.Dispose();
            throw new ArgumentException(
                $"a tensor of shape [{string.Join(", ", sizes.ToArray())}] has {count} elements; it was given {values.Length}."
            );
        }
        values[..(int)count].CopyTo(new Span<T>((void*)tensor.Data("tensor"), (int)count));
        return Moved(tensor, dtype, device, requires_grad, names);
    }

    static Tensor Moved(Tensor tensor, ScalarType? dtype, Device? device, bool requires_grad, string[]? names)
    {
        var target = On(device);
        var type = dtype ?? tensor.dtype;
        if (type != tensor.dtype || target.type != DeviceType.CPU)
        {
            var given = tensor;
            tensor = given.to(type, target);
            given.Dispose();
        }
        return Made(tensor, requires_grad, names);
    }

    static unsafe Tensor Over(Array array, long offset, long[] sizes, ScalarType type)
    {
        if (array.LongLength == 0)
        {
            return Aten.empty_memory_format.Tensor(sizes, type, Argument.None, CPU);
        }
        // GCHandle pins only arrays of blittable elements; bool arrays are none, but lie in memory as libtorch's do.
        var pin = new PinnedGCHandle<Array>(array);
        var data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array)) + offset * type.ElementSize();
        var context = PinnedGCHandle<Array>.ToIntPtr(pin);
        fixed (long* size = sizes)
        {
            var status = Native.ebm_tensor_over(data, size, sizes.Length, (int)type, &Unpin, context, out var result);
            if (status != 0)
            {
                pin.Dispose();
            }
            Native.Check(status, "torch.from_array", $"sizes: [{string.Join(", ", sizes)}], dtype: {NameOf(type)}");
            return new Tensor(result);
        }
    }

    [UnmanagedCallersOnly]
    static void Unpin(nint context) => PinnedGCHandle<Array>.FromIntPtr(context).Dispose();

    static long CountOf(ReadOnlySpan<long> sizes)
    {
        var count = 1L;
        foreach (var size in sizes)
        {
            count = checked(count * size);
        }
        return count;
    }

    static long[] SizesOf(Array array) => [.. Enumerable.Range(0, array.Rank).Select(array.GetLongLength)];

    static ReadOnlySpan<T> Elements<T>(Array array)
        where T : unmanaged =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);

    static ReadOnlySpan<T> Elements<T>(IList<T> list) => list is T[] array ? array : list.ToArray();
}
