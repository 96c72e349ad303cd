// A number with a dtype, as an argument of operators. Nothing native stands behind it.
using Ebm.Torch;

namespace TorchSharp;

/// <summary>A number: integer, floating-point or boolean. Numbers convert to it implicitly.</summary>
public sealed class Scalar : IDisposable
{
    readonly long _bits;

    Scalar(torch.ScalarType type, long bits)
    {
        Type = type;
        _bits = bits;
    }

    internal Scalar(torch.ScalarType type, double value)
        : this(type, BitConverter.DoubleToInt64Bits(value)) { }

    /// <summary>The dtype it was made from.</summary>
    public torch.ScalarType Type { get; }

    internal bool IsFloating => torch.is_floating_point(Type);

    internal Argument Argument =>
        IsFloating ? AsDouble
        : Type == torch.ScalarType.Bool ? AsBoolean
        : AsInt64;

    internal torch.Tensor ToTensor(torch.ScalarType? dtype = null, torch.Device? device = null) =>
        torch.full([], this, dtype ?? Type, device);

    internal double AsDouble => IsFloating ? BitConverter.Int64BitsToDouble(_bits) : _bits;
    internal long AsInt64 => IsFloating ? (long)BitConverter.Int64BitsToDouble(_bits) : _bits;
    internal bool AsBoolean => IsFloating ? BitConverter.Int64BitsToDouble(_bits) != 0 : _bits != 0;

    public static implicit operator Scalar(byte value) => new(torch.ScalarType.Byte, (long)value);

    public static implicit operator Scalar(sbyte value) => new(torch.ScalarType.Int8, (long)value);

    public static implicit operator Scalar(short value) => new(torch.ScalarType.Int16, (long)value);

    public static implicit operator Scalar(int value) => new(torch.ScalarType.Int32, (long)value);

    public static implicit operator Scalar(long value) => new(torch.ScalarType.Int64, value);

    public static implicit operator Scalar(Half value) => new(torch.ScalarType.Float16, (double)value);

    public static implicit operator Scalar(float value) => new(torch.ScalarType.Float32, (double)value);

    public static implicit operator Scalar(double value) => new(torch.ScalarType.Float64, value);

    public static implicit operator Scalar(bool value) => new(torch.ScalarType.Bool, value ? 1L : 0L);

    /// <summary>Does nothing: there is nothing to free.</summary>
    public void Dispose() { }
}

public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;

    public static Scalar ToScalar(this sbyte value) => value;

    public static Scalar ToScalar(this short value) => value;

    public static Scalar ToScalar(this int value) => value;

    public static Scalar ToScalar(this long value) => value;

    public static Scalar ToScalar(this Half value) => value;

    public static Scalar ToScalar(this float value) => value;

    public static Scalar ToScalar(this double value) => value;

    public static Scalar ToScalar(this bool value) => value;

    public static Scalar ToBFloat16Scalar(this float value) => new(torch.ScalarType.BFloat16, (double)value);

    public static Half ToHalf(this Scalar value) => (Half)value.AsDouble;

    public static float ToSingle(this Scalar value) => (float)value.AsDouble;

    public static double ToDouble(this Scalar value) => value.AsDouble;

    public static sbyte ToSByte(this Scalar value) => (sbyte)value.AsInt64;

    public static byte ToByte(this Scalar value) => (byte)value.AsInt64;

    public static short ToInt16(this Scalar value) => (short)value.AsInt64;

    public static int ToInt32(this Scalar value) => (int)value.AsInt64;

    public static long ToInt64(this Scalar value) => value.AsInt64;

    public static bool ToBoolean(this Scalar value) => value.AsBoolean;
}
