// Tensors to and from single .NET values.
namespace TorchSharp;

public static class TensorExtensionMethods
{
    public static float ToSingle(this torch.Tensor value) => value.ToScalar().ToSingle();

    public static double ToDouble(this torch.Tensor value) => value.ToScalar().ToDouble();

    public static Half ToHalf(this torch.Tensor value) => value.ToScalar().ToHalf();

    public static sbyte ToSByte(this torch.Tensor value) => value.ToScalar().ToSByte();

    public static byte ToByte(this torch.Tensor value) => value.ToScalar().ToByte();

    public static short ToInt16(this torch.Tensor value) => value.ToScalar().ToInt16();

    public static int ToInt32(this torch.Tensor value) => value.ToScalar().ToInt32();

    public static long ToInt64(this torch.Tensor value) => value.ToScalar().ToInt64();

    public static bool ToBoolean(this torch.Tensor value) => value.ToScalar().ToBoolean();

    /// <summary>A scalar tensor with the number's own dtype.</summary>
    public static torch.Tensor ToTensor<T>(this T scalar, torch.Device? device = null, bool requires_grad = false)
        where T : struct =>
        scalar switch
        {
            float value => torch.tensor(value, device, requires_grad),
            double value => torch.tensor(value, null, device, requires_grad),
            long value => torch.tensor(value, null, device, requires_grad),
            int value => torch.tensor(value, device, requires_grad),
            short value => torch.tensor(value, device, requires_grad),
            sbyte value => torch.tensor(value, device, requires_grad),
            byte value => torch.tensor(value, device, requires_grad),
            _ => throw new NotSupportedException($"a scalar tensor is made from a number; {typeof(T).Name} is none."),
        };

    /// <summary>A copy of an array, in a shape.</summary>
    public static torch.Tensor ToTensor<T>(this T[] rawArray, long[] dimensions, bool doCopy = false, bool requires_grad = false) =>
        torch.from_array((Array)rawArray.Clone(), null, torch.CPU).reshape(dimensions).requires_grad_(requires_grad);

    /// <summary>Bytes of one element.</summary>
    public static int ElementSize(this torch.ScalarType type) =>
        type switch
        {
            torch.ScalarType.Byte or torch.ScalarType.Int8 or torch.ScalarType.Bool => 1,
            torch.ScalarType.Int16 or torch.ScalarType.Float16 or torch.ScalarType.BFloat16 => 2,
            torch.ScalarType.Int32 or torch.ScalarType.Float32 => 4,
            torch.ScalarType.Int64 or torch.ScalarType.Float64 or torch.ScalarType.ComplexFloat32 => 8,
            torch.ScalarType.ComplexFloat64 => 16,
            _ => throw new ArgumentException($"no element type has the number {(int)type}.", nameof(type)),
        };

    /// <summary>How many elements a shape has.</summary>
    public static long TotalSize(this IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The shape in ints; throws when a size is too great for one.</summary>
    public static ReadOnlySpan<int> IntShape(this torch.Tensor tensor) => Array.ConvertAll(tensor.shape, size => checked((int)size));
}
