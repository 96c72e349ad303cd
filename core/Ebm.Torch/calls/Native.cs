// The shim's exports (core/native), as they are: blittable, no exception crosses, a status other than 0 means `ebm_error` has a message.
using System.Runtime.InteropServices;

namespace Ebm.Torch;

/// <summary>Mirrors the shim's Tag, number by number.</summary>
internal enum NativeTag
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    String = 5,
    Ints = 6,
    Doubles = 7,
    Bools = 8,
    Tensors = 9,
    Device = 10,
    Generator = 11,
    Slice = 12,
    Ellipsis = 13,
}

/// <summary>Mirrors the shim's Value: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeValue
{
    public NativeTag Tag;
    public int Count;
    public long Bits;
}

/// <summary>Mirrors the shim's Facts.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TensorFacts
{
    public long NumberOfElements,
        StorageOffset;
    public int Dtype,
        Dimensions,
        Device,
        DeviceIndex,
        ItemSize;
    public byte RequiresGrad,
        IsLeaf,
        IsContiguous,
        IsSparse,
        HasNames,
        IsConj,
        IsNeg,
        IsPinned;
}

internal static unsafe partial class Native
{
    const string Library = "ebm_native";

    [LibraryImport(Library)]
    public static partial byte* ebm_error();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ebm_operator(string name, string overload, out nint handle);

    [LibraryImport(Library)]
    public static partial int ebm_operator_schema(nint handle, byte* text, int room, out int length);

    [LibraryImport(Library)]
    public static partial int ebm_call(nint handle, NativeValue* arguments, int count, NativeValue* results, int room, int* found);

    [LibraryImport(Library)]
    public static partial void ebm_results(NativeValue* results);

    [LibraryImport(Library)]
    public static partial void ebm_tensor_release(nint tensor);

    [LibraryImport(Library)]
    public static partial void ebm_tensor_share(nint tensor);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_facts(nint tensor, out TensorFacts facts);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_shape(nint tensor, long* sizes, int room);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_strides(nint tensor, long* strides, int room);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_data(nint tensor, out nint data);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_over(
        void* data,
        long* sizes,
        int dim,
        int dtype,
        delegate* unmanaged<nint, void> free,
        nint context,
        out nint result
    );

    [LibraryImport(Library)]
    public static partial int ebm_tensor_rename(nint tensor, byte** names, int count);

    [LibraryImport(Library)]
    public static partial byte* ebm_tensor_name(nint tensor, int dim);

    [LibraryImport(Library)]
    public static partial int ebm_index(nint tensor, NativeValue* indices, int count, out nint result);

    [LibraryImport(Library)]
    public static partial int ebm_index_put(nint tensor, NativeValue* indices, int count, nint value);

    [LibraryImport(Library)]
    public static partial int ebm_grad(
        nint* outputs,
        int outputCount,
        nint* inputs,
        int inputCount,
        nint* seeds,
        int seedCount,
        byte retainGraph,
        byte createGraph,
        byte allowUnused,
        nint* results
    );

    [LibraryImport(Library)]
    public static partial int ebm_backward(
        nint* tensors,
        int tensorCount,
        nint* seeds,
        int seedCount,
        byte retainGraph,
        byte createGraph,
        nint* inputs,
        int inputCount
    );

    [LibraryImport(Library)]
    public static partial int ebm_tensor_grad(nint tensor, out nint result);

    [LibraryImport(Library)]
    public static partial int ebm_tensor_set_grad(nint tensor, nint gradient);

    [LibraryImport(Library)]
    public static partial byte ebm_grad_mode();

    [LibraryImport(Library)]
    public static partial void ebm_set_grad_mode(byte enabled);

    [LibraryImport(Library)]
    public static partial byte ebm_inference_mode();

    [LibraryImport(Library)]
    public static partial nint ebm_inference_guard(byte enabled);

    [LibraryImport(Library)]
    public static partial void ebm_inference_release(nint guard);

    [LibraryImport(Library)]
    public static partial byte ebm_anomaly_mode();

    [LibraryImport(Library)]
    public static partial byte ebm_anomaly_checks_nan();

    [LibraryImport(Library)]
    public static partial void ebm_set_anomaly_mode(byte enabled, byte checkNan);

    [LibraryImport(Library)]
    public static partial int ebm_generator(int device, int index, ulong seed, out nint result);

    [LibraryImport(Library)]
    public static partial int ebm_generator_default(int device, int index, out nint result);

    [LibraryImport(Library)]
    public static partial void ebm_generator_release(nint generator);

    [LibraryImport(Library)]
    public static partial int ebm_generator_set_seed(nint generator, ulong seed);

    [LibraryImport(Library)]
    public static partial int ebm_generator_current_seed(nint generator, out ulong seed);

    [LibraryImport(Library)]
    public static partial int ebm_generator_fresh_seed(nint generator, out ulong seed);

    [LibraryImport(Library)]
    public static partial int ebm_generator_state(nint generator, out nint result);

    [LibraryImport(Library)]
    public static partial int ebm_generator_set_state(nint generator, nint state);

    [LibraryImport(Library)]
    public static partial void ebm_generator_device(nint generator, out int device, out int index);

    [LibraryImport(Library)]
    public static partial int ebm_manual_seed(ulong seed);

    [LibraryImport(Library)]
    public static partial byte* ebm_version();

    [LibraryImport(Library)]
    public static partial int ebm_num_threads();

    [LibraryImport(Library)]
    public static partial int ebm_set_num_threads(int count);

    [LibraryImport(Library)]
    public static partial int ebm_num_interop_threads();

    [LibraryImport(Library)]
    public static partial int ebm_set_num_interop_threads(int count);

    [LibraryImport(Library)]
    public static partial int ebm_default_dtype();

    [LibraryImport(Library)]
    public static partial int ebm_set_default_dtype(int dtype);

    [LibraryImport(Library)]
    public static partial int ebm_cuda_device_count();

    [LibraryImport(Library)]
    public static partial byte ebm_cudnn_available();

    [LibraryImport(Library)]
    public static partial int ebm_cuda_synchronize(long index);

    [LibraryImport(Library)]
    public static partial int ebm_cuda_manual_seed(ulong seed);

    [LibraryImport(Library)]
    public static partial int ebm_cuda_manual_seed_all(ulong seed);

    [LibraryImport(Library)]
    public static partial byte ebm_tf32_matmul();

    [LibraryImport(Library)]
    public static partial int ebm_set_tf32_matmul(byte allow);

    [LibraryImport(Library)]
    public static partial byte ebm_tf32_cudnn();

    [LibraryImport(Library)]
    public static partial int ebm_set_tf32_cudnn(byte allow);

    /// <summary>The first line of the message of this thread's last failed call.</summary>
    public static string Error()
    {
        var message = Marshal.PtrToStringUTF8((nint)ebm_error()) ?? "";
        var end = message.IndexOf('\n');
        return end < 0 ? message : message[..end];
    }

    /// <summary>
    /// Throws for a status other than 0; <paramref name="what"/> names the call, <paramref name="given"/> what it was given.
    /// </summary>
    public static void Check(int status, string what, string given = "")
    {
        if (status != 0)
        {
            throw new TensorException(what, given, Error());
        }
    }
}
