// What an operator can be given: a tagged value, made by an implicit conversion at the call.
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Ebm.Torch;

/// <summary>
/// A value on its way to libtorch. Tensors, generators, strings and lists are held by reference, so that nothing is freed while a
/// call is under way.
/// </summary>
internal readonly struct Argument
{
    public readonly object? Reference;
    public readonly long Bits;
    public readonly NativeTag Tag;

    Argument(NativeTag tag, long bits, object? reference = null)
    {
        Tag = tag;
        Bits = bits;
        Reference = reference;
    }

    /// <summary>An optional argument that is not given.</summary>
    public static readonly Argument None = default;

    // A list of tensors is copied: whoever holds the caller's array may write to it while the call is under way.
    static Argument Of(NativeTag tag, object? reference) => reference is null ? None : new(tag, 0, reference);

    public static implicit operator Argument(Tensor? value) => Of(NativeTag.Tensor, value);

    public static implicit operator Argument(Tensor?[]? value) => Of(NativeTag.Tensors, value?.Clone());

    public static implicit operator Argument(Generator? value) => Of(NativeTag.Generator, value);

    public static implicit operator Argument(string? value) => Of(NativeTag.String, value);

    public static implicit operator Argument(long[]? value) => Of(NativeTag.Ints, value);

    public static implicit operator Argument(double[]? value) => Of(NativeTag.Doubles, value);

    public static implicit operator Argument(bool[]? value) => Of(NativeTag.Bools, value);

    public static implicit operator Argument(long value) => new(NativeTag.Int, value);

    public static implicit operator Argument(long? value) => value is { } given ? new(NativeTag.Int, given) : None;

    public static implicit operator Argument(double value) => new(NativeTag.Double, BitConverter.DoubleToInt64Bits(value));

    public static implicit operator Argument(double? value) => value is { } given ? given : None;

    public static implicit operator Argument(bool value) => new(NativeTag.Bool, value ? 1 : 0);

    public static implicit operator Argument(bool? value) => value is { } given ? given : None;

    public static implicit operator Argument(ScalarType value) =>
        Enum.IsDefined(value)
            ? new(NativeTag.Int, (long)value)
            : throw new ArgumentException($"no element type has the number {(int)value}.");

    public static implicit operator Argument(ScalarType? value) => value is { } given ? given : None;

    public static implicit operator Argument(Device? value) => Of(NativeTag.Device, value);

    public static implicit operator Argument(Scalar? value) => value is null ? None : value.Argument;

    /// <summary>How an error shows it: a tensor's dtype, shape and device, or the value.</summary>
    public string Describe() =>
        (Tag, Reference) switch
        {
            (NativeTag.None, _) => "none",
            (NativeTag.Tensor, Tensor tensor) => tensor.Describe(),
            (NativeTag.Tensors, Tensor?[] tensors) =>
                $"[{string.Join(", ", tensors.Take(8).Select(tensor => tensor?.Describe() ?? "none"))}{(tensors.Length > 8 ? ", …" : "")}]",
            (NativeTag.Int, _) => Bits.ToString(CultureInfo.InvariantCulture),
            (NativeTag.Double, _) => BitConverter.Int64BitsToDouble(Bits).ToString(CultureInfo.InvariantCulture),
            (NativeTag.Bool, _) => Bits != 0 ? "true" : "false",
            (NativeTag.String, string text) => $"\"{text}\"",
            (NativeTag.Ints, long[] list) => $"[{string.Join(", ", list)}]",
            (NativeTag.Doubles, double[] list) =>
                $"[{string.Join(", ", list.Select(number => number.ToString(CultureInfo.InvariantCulture)))}]",
            (NativeTag.Bools, bool[] list) => $"[{string.Join(", ", list.Select(flag => flag ? "true" : "false"))}]",
            (_, { } other) => other.ToString() ?? "",
            _ => Tag.ToString(),
        };
}
