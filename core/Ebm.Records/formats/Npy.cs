using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// NumPy's array files, format 1.0, little-endian, in row-major order (the last axis fastest), of float32, float64 or int64.
/// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
/// </summary>
public static partial class Npy
{
    [GeneratedRegex(
        @"^\{'descr': '(?<type>[^']*)', 'fortran_order': (?<fortran>True|False), 'shape': \((?<shape>[0-9, ]*)\), \} *\n?\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Header();

    static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <summary>Writes a file atomically.</summary>
    /// <typeparam name="T">float, double or long.</typeparam>
    /// <exception cref="ArgumentException">The shape does not fit the number of values.</exception>
    public static void Write<T>(string path, ReadOnlyMemory<T> values, params long[] shape)
        where T : unmanaged => AtomicFile.Write(path, stream => Write(stream, values.Span, shape));

    public static void Write<T>(Stream stream, ReadOnlySpan<T> values, params long[] shape)
        where T : unmanaged
    {
        var count = shape.Aggregate(1L, (product, length) => checked(product * length));
        if (shape.Any(length => length < 0) || count != values.Length)
            throw new ArgumentException(
                $"The shape ({string.Join(", ", shape)}) has {count} values, but {values.Length} were given.",
                nameof(shape)
            );
        var axes =
            string.Join(", ", shape.Select(length => length.ToString(CultureInfo.InvariantCulture))) + (shape.Length == 1 ? "," : "");
        var header = $"{{'descr': '{Descriptor<T>()}', 'fortran_order': False, 'shape': ({axes}), }}";
        // The values start at a multiple of 64 bytes, so that other programs can map the file.
        header = header.PadRight((10 + header.Length + 1 + 63) / 64 * 64 - 11) + "\n";
        stream.Write(Magic);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)header.Length);
        stream.Write(length);
        stream.Write(Encoding.ASCII.GetBytes(header));
        // A span of bytes is limited to 2 GiB.
        for (; values.Length > Piece; values = values[Piece..])
            stream.Write(MemoryMarshal.AsBytes(values[..Piece]));
        stream.Write(MemoryMarshal.AsBytes(values));
    }

    const int Piece = 1 << 20;

    /// <summary>Reads a file with exactly this element type.</summary>
    /// <exception cref="InvalidDataException">The file is not such an array; the message names the file and its type.</exception>
    public static (T[] Values, long[] Shape) Read<T>(string path)
        where T : unmanaged
    {
        using var stream = RegularFile.Open(path);
        return Read<T>(stream, path);
    }

    /// <summary>The element type of a file in NumPy's notation, <c>&lt;f4</c>, <c>&lt;f8</c> or <c>&lt;i8</c>, and its shape.</summary>
    /// <exception cref="InvalidDataException">The file is not an array of format 1.0.</exception>
    public static (string Descriptor, long[] Shape) Describe(string path)
    {
        using var stream = RegularFile.Open(path);
        return ReadHeader(stream, path);
    }

    /// <summary>Opens a file of any element type, at its first value. The caller reads the values.</summary>
    /// <exception cref="InvalidDataException">The file is not an array of format 1.0 in row-major order.</exception>
    public static (FileStream Values, string Descriptor, long[] Shape) Open(string path)
    {
        var stream = RegularFile.Open(path);
        try
        {
            var (descriptor, shape) = ReadHeader(stream, path);
            return (stream, descriptor, shape);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public static (T[] Values, long[] Shape) Read<T>(Stream stream, string name)
        where T : unmanaged
    {
        var (descriptor, shape) = ReadHeader(stream, name);
        if (descriptor != Descriptor<T>())
            throw new InvalidDataException($"{name}: the array has type {descriptor}, not {Descriptor<T>()}.");
        long count = 1;
        try
        {
            count = shape.Aggregate(1L, (product, length) => checked(product * length));
        }
        catch (OverflowException)
        {
            count = long.MaxValue;
        }
        if (count > Array.MaxLength || (stream.CanSeek && count * Marshal.SizeOf<T>() != stream.Length - stream.Position))
            throw new InvalidDataException(
                $"{name}: the array's shape is ({string.Join(", ", shape)}), but the file has {stream.Length - stream.Position} bytes of values; it is torn or was changed."
            );
        var values = new T[count];
        try
        {
            for (var rest = values.AsSpan(); !rest.IsEmpty; rest = rest[Math.Min(Piece, rest.Length)..])
                stream.ReadExactly(MemoryMarshal.AsBytes(rest[..Math.Min(Piece, rest.Length)]));
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException($"{name}: the file ends before the array does; it is torn.", error);
        }
        return (values, shape);
    }

    static (string Descriptor, long[] Shape) ReadHeader(Stream stream, string name)
    {
        var start = new byte[10];
        if (stream.ReadAtLeast(start, 10, throwOnEndOfStream: false) < 10 || !start.AsSpan(0, 8).SequenceEqual(Magic))
            throw new InvalidDataException($"{name}: this is not a NumPy array of format 1.0.");
        var header = new byte[BinaryPrimitives.ReadUInt16LittleEndian(start.AsSpan(8))];
        var got = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        var match = Header().Match(Encoding.ASCII.GetString(header, 0, got));
        if (!match.Success)
            throw new InvalidDataException($"{name}: the array's header cannot be read: {Encoding.ASCII.GetString(header, 0, got).Trim()}");
        if (match.Groups["fortran"].Value == "True" && match.Groups["shape"].Value.Split(',').Count(axis => axis.Trim() != "") > 1)
            throw new InvalidDataException($"{name}: the array is stored column by column; save it in C order (numpy.ascontiguousarray).");
        var shape = match.Groups["shape"].Value.Split(',').Select(axis => axis.Trim()).Where(axis => axis != "").ToArray();
        if (shape.Any(axis => !long.TryParse(axis, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            throw new InvalidDataException($"{name}: the array's shape cannot be read: ({match.Groups["shape"].Value}).");
        return (match.Groups["type"].Value, shape.Select(axis => long.Parse(axis, CultureInfo.InvariantCulture)).ToArray());
    }

    static string Descriptor<T>() =>
        typeof(T) == typeof(float) ? "<f4"
        : typeof(T) == typeof(double) ? "<f8"
        : typeof(T) == typeof(long) ? "<i8"
        : throw new ArgumentException($"Arrays can contain float, double or long, not {typeof(T).Name}.");
}
