using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// An array of bytes in a MAT-file of version 5, as MATLAB's <c>save -v7</c> and <c>-v6</c> write it, little-endian. After a header of 128 bytes
/// come elements: a tag of type and length, each an unsigned 32-bit integer, then the content, padded to a multiple of 8 bytes. An element may be
/// compressed by zlib. The content of a matrix is itself elements: flags, dimensions, name, values, in column-major order.
/// </summary>
static class MatFile
{
    // Types of elements and the class of an array of bytes, from MathWorks' "MAT-File Format".
    const uint Int8 = 1,
        Byte = 2,
        Int32 = 5,
        UInt32 = 6,
        Matrix = 14,
        Compressed = 15,
        ByteClass = 9;

    const int Header = 128;

    /// <summary>The sizes of an array.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="source">Where the user finds the file; the last sentence of every error.</param>
    /// <exception cref="InvalidDataException">The file has another version, is damaged, or lacks the array; the message says which.</exception>
    public static int[] Sizes(string path, string name, string source) => Find(path, name, source, (_, sizes) => sizes);

    /// <summary>The values of an array, uint8 on the CPU. Its sizes are those of the file in reverse order, because the file's first size is the
    /// fastest.</summary>
    /// <inheritdoc cref="Sizes"/>
    public static Tensor Bytes(string path, string name, string source) =>
        Find(
            path,
            name,
            source,
            (content, sizes) =>
            {
                var due = sizes.Aggregate(1L, (product, size) => product * size);
                var (type, length) = (Word(content), Word(content));
                if (type != Byte || length != due)
                    throw new FormatException($"values of type {type} with {length} bytes, where {due} of type {Byte} are due");
                var values = empty([.. sizes.Reverse().Select(size => (long)size)], dtype: uint8);
                Fill(content, values.bytes);
                return values;
            }
        );

    static T Find<T>(string path, string name, string source, Func<Stream, int[], T> use)
    {
        using var file = RegularFile.Open(path);
        CheckHeader(path, source, file);
        var names = new List<string>();
        var at = file.Position;
        try
        {
            for (; at < file.Length; file.Position = at)
            {
                var (type, length) = (Word(file), Word(file));
                at = file.Position + length + (type == Compressed ? 0 : -length & 7);
                using var unpacked = type == Compressed ? new ZLibStream(file, CompressionMode.Decompress, leaveOpen: true) : null;
                Stream content = unpacked is null ? file : unpacked;
                if (unpacked is not null)
                    (type, length) = (Word(content), Word(content));
                if (type != Matrix)
                    continue;
                var kind = BinaryPrimitives.ReadUInt32LittleEndian(Element(content, UInt32, 8)) & 0xFF;
                int[] sizes = [.. Element(content, Int32, 4 * 32).Chunk(4).Select(size => BinaryPrimitives.ReadInt32LittleEndian(size))];
                var found = Encoding.ASCII.GetString(Element(content, Int8, 64));
                names.Add(found);
                if (found != name)
                    continue;
                if (kind != ByteClass)
                    throw Refuse(path, $"has an array {name} of class {kind}, not of bytes (uint8, class {ByteClass})", source);
                if (sizes.Any(size => size < 1) || sizes.Aggregate(1.0, (a, b) => a * b) > Array.MaxLength)
                    throw new FormatException($"an array of sizes {string.Join(" × ", sizes)}");
                return use(content, sizes);
            }
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException)
        {
            throw Refuse(path, $"is damaged or ends too early, in the element before byte {at} ({error.Message.TrimEnd('.')})", source);
        }
        throw Refuse(path, $"has no array {name}; it has {(names.Count == 0 ? "none" : string.Join(", ", names))}", source);
    }

    static void CheckHeader(string path, string source, FileStream file)
    {
        var header = new byte[Header];
        header = header[..file.ReadAtLeast(header, Header, throwOnEndOfStream: false)];
        var text = Encoding.ASCII.GetString(header, 0, Math.Min(header.Length, 116));
        if (
            text.StartsWith("MATLAB 7.3", StringComparison.Ordinal)
            || header.AsSpan().StartsWith((byte[])[0x89, (byte)'H', (byte)'D', (byte)'F'])
        )
            throw Refuse(
                path,
                "is a MAT-file of version 7.3, which is HDF5 and not read here; save it again in MATLAB with save(…, '-v7')",
                source
            );
        if (header.Length < Header || !text.StartsWith("MATLAB 5.0", StringComparison.Ordinal))
            throw Refuse(path, "is not a MAT-file of version 5: it does not begin with \"MATLAB 5.0\"", source);
        var version = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(124));
        if (header[126] == 'M')
            throw Refuse(path, "is a big-endian MAT-file, which is not read here; save it again on a little-endian machine", source);
        if (version != 0x0100 || header[126] != 'I' || header[127] != 'M')
            throw Refuse(path, $"is a MAT-file of the version 0x{version:x4}; 0x0100 is read here", source);
    }

    /// <summary>The content of a short element of a type. One of at most four bytes may have type and length in one word.</summary>
    static byte[] Element(Stream from, uint type, int most)
    {
        var word = Word(from);
        var isSmall = word >> 16 != 0;
        var (found, length) = isSmall ? (word & 0xFFFF, word >> 16) : (word, Word(from));
        if (found != type || length > most || (isSmall && length > 4))
            throw new FormatException($"an element of type {found} with {length} bytes, where one of type {type} is due");
        var content = new byte[isSmall ? 4 : (length + 7) / 8 * 8];
        Fill(from, content);
        return content[..(int)length];
    }

    static uint Word(Stream from)
    {
        Span<byte> bytes = stackalloc byte[4];
        Fill(from, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    static void Fill(Stream from, Span<byte> into)
    {
        try
        {
            from.ReadExactly(into);
        }
        catch (InvalidDataException error)
        {
            throw new FormatException(error.Message, error);
        }
    }

    static InvalidDataException Refuse(string path, string finding, string source) => new($"{path} {finding}. {source}");
}
