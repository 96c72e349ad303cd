// The element types, their names and their limits.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public enum ScalarType : sbyte
    {
        Byte = 0,
        Int8 = 1,
        Int16 = 2,
        Int32 = 3,
        Int64 = 4,
        Float16 = 5,
        Float32 = 6,
        Float64 = 7,
        ComplexFloat32 = 9,
        ComplexFloat64 = 10,
        Bool = 11,
        BFloat16 = 15,
    }

    public static ScalarType uint8 = ScalarType.Byte;
    public static ScalarType int8 = ScalarType.Int8;
    public static ScalarType int16 = ScalarType.Int16;
    public static ScalarType int32 = ScalarType.Int32;
    public static ScalarType int64 = ScalarType.Int64;
    public static ScalarType float16 = ScalarType.Float16;
    public static ScalarType float32 = ScalarType.Float32;
    public static ScalarType float64 = ScalarType.Float64;
    public static ScalarType bfloat16 = ScalarType.BFloat16;
    public static ScalarType complex64 = ScalarType.ComplexFloat32;
    public static ScalarType complex128 = ScalarType.ComplexFloat64;
    public static ScalarType @bool = ScalarType.Bool;
    public static ScalarType @short = ScalarType.Int16;
    public static ScalarType @int = ScalarType.Int32;
    public static ScalarType @long = ScalarType.Int64;
    public static ScalarType half = ScalarType.Float16;
    public static ScalarType @float = ScalarType.Float32;
    public static ScalarType @double = ScalarType.Float64;
    public static ScalarType cfloat = ScalarType.ComplexFloat32;
    public static ScalarType cdouble = ScalarType.ComplexFloat64;

    /// <summary>The name that Python's torch gives a dtype, such as <c>float32</c>.</summary>
    internal static string NameOf(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Byte => "uint8",
            ScalarType.ComplexFloat32 => "complex64",
            ScalarType.ComplexFloat64 => "complex128",
            _ => dtype.ToString().ToLowerInvariant(),
        };

    public static bool is_integral(ScalarType type) =>
        type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;

    public static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;

    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;

    public static bool is_integral(Tensor t) => t.is_integral();

    public static bool is_floating_point(Tensor input) => input.is_floating_point();

    public static bool is_complex(Tensor input) => input.is_complex();

    /// <summary>The dtype of tensors made from nothing that has one; float32 unless set.</summary>
    public static ScalarType get_default_dtype() => (ScalarType)Native.ebm_default_dtype();

    /// <param name="dtype">A floating-point type; anything else is an error.</param>
    public static void set_default_dtype(ScalarType dtype)
    {
        if (!is_floating_point(dtype))
        {
            throw new ArgumentException($"the default dtype is a floating-point type; {NameOf(dtype)} is not one.", nameof(dtype));
        }
        Native.Check(Native.ebm_set_default_dtype((int)dtype), "torch.set_default_dtype", NameOf(dtype));
    }

    public static void set_default_tensor_type(Tensor t) => set_default_dtype(t.dtype);

    /// <summary>The dtype to which two promote in one operation.</summary>
    public static ScalarType promote_types(ScalarType type1, ScalarType type2) => (ScalarType)Aten.promote_types.Long(type1, type2);

    public static ScalarType result_type(Tensor tensor1, Tensor tensor2) => (ScalarType)Aten.result_type_Tensor.Long(tensor1, tensor2);

    /// <summary>Whether a value may become one of another dtype without losing its kind: no complex to real, real to integer, number to bool.</summary>
    public static bool can_cast(ScalarType from, ScalarType to) =>
        (is_complex(to) || !is_complex(from))
        && (is_floating_point(to) || is_complex(to) || !is_floating_point(from))
        && (to != ScalarType.Bool || from == ScalarType.Bool);

    /// <summary>The greatest integer that a dtype holds; for floating-point types, up to which it holds every one.</summary>
    public static long max_int_value(ScalarType type) =>
        type switch
        {
            ScalarType.Byte => byte.MaxValue,
            ScalarType.Int8 => sbyte.MaxValue,
            ScalarType.Int16 => short.MaxValue,
            ScalarType.Int32 => int.MaxValue,
            ScalarType.Int64 => long.MaxValue,
            ScalarType.Bool => 1,
            ScalarType.BFloat16 => 1L << 8,
            ScalarType.Float16 => 1L << 11,
            ScalarType.Float32 => 1L << 24,
            ScalarType.Float64 => 1L << 53,
            _ => throw new NotSupportedException($"{NameOf(type)} has no greatest integer."),
        };

    public struct FInfo
    {
        public int bits;
        public double eps;
        public double max;
        public double min;
        public double tiny;
        public double smallest_normal;
        public double resolution;
    }

    public static FInfo finfo() => finfo(get_default_dtype());

    /// <summary>The limits of a floating-point dtype.</summary>
    public static FInfo finfo(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.BFloat16 => Limits(16, Math.Pow(2, -7), 3.3895313892515355e38, Math.Pow(2, -126), 1e-2),
            ScalarType.Float16 => Limits(16, Math.Pow(2, -10), 65504, Math.Pow(2, -14), 1e-3),
            ScalarType.Float32 => Limits(32, Math.Pow(2, -23), float.MaxValue, Math.Pow(2, -126), 1e-6),
            ScalarType.Float64 => Limits(64, Math.Pow(2, -52), double.MaxValue, Math.Pow(2, -1022), 1e-15),
            _ => throw new ArgumentException($"finfo is for floating-point types; {NameOf(dtype)} is not one.", nameof(dtype)),
        };

    static FInfo Limits(int bits, double eps, double max, double tiny, double resolution) =>
        new()
        {
            bits = bits,
            eps = eps,
            max = max,
            min = -max,
            tiny = tiny,
            smallest_normal = tiny,
            resolution = resolution,
        };

    /// <summary>The dtype of tensors made from an array with this element type.</summary>
    internal static ScalarType ToScalarType(Type type) =>
        type == typeof(float) ? ScalarType.Float32
        : type == typeof(double) ? ScalarType.Float64
        : type == typeof(long) ? ScalarType.Int64
        : type == typeof(int) ? ScalarType.Int32
        : type == typeof(bool) ? ScalarType.Bool
        : type == typeof(byte) ? ScalarType.Byte
        : type == typeof(sbyte) ? ScalarType.Int8
        : type == typeof(short) ? ScalarType.Int16
        : type == typeof(Half) ? ScalarType.Float16
        : throw new NotSupportedException(
            $"tensors have no element type for {type.FullName}; use float, double, long, int, short, sbyte, byte, bool or Half."
        );

    internal static partial class Aten
    {
        public static readonly Operator promote_types = new("promote_types(type1, type2)"),
            result_type_Tensor = new("result_type.Tensor(tensor, other)");
    }
}
