using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// A gzipped IDX file of unsigned bytes with a known content: a magic number 0x0000 08 n, n sizes as big-endian 32-bit integers, then the
/// bytes, last dimension fastest. Any other content is an error.
/// </summary>
/// <param name="Name">The original file name, ending in .gz.</param>
/// <param name="Sizes">The n sizes in its header.</param>
/// <param name="Sha256">SHA-256 of the decompressed content, in lower-case hex; it does not depend on the compression.</param>
/// <param name="Source">Where the user finds the file; the last sentence of every error.</param>
sealed record Idx(string Name, int[] Sizes, string Sha256, string Source)
{
    /// <summary>The bytes after the header: a tensor of this file's sizes, uint8 on the CPU.</summary>
    /// <exception cref="FileNotFoundException">The folder has no such file.</exception>
    /// <exception cref="InvalidDataException">The file has another content.</exception>
    public Tensor Read(string folder)
    {
        var path = PathIn(folder);
        var (due, found) = (Header(), new byte[4 + 4 * Sizes.Length]);
        var values = empty([.. Sizes.Select(size => (long)size)], dtype: uint8);
        var bytes = values.bytes;
        using var unzipped = Open(path);
        var header = Fill(path, unzipped, found);
        CheckMagic(path, found[..header], due);
        var got = header + Fill(path, unzipped, bytes);
        // One byte more, to notice a longer content without reading all of it: a small file may decompress to terabytes.
        if (got != due.Length + bytes.Length || Fill(path, unzipped, new byte[1]) > 0)
            throw Refuse(
                path,
                got < due.Length + bytes.Length
                    ? $"has {Count(got)} bytes when decompressed, fewer than the {Count(due.Length + bytes.Length)} of the original"
                    : $"has more bytes when decompressed than the {Count(due.Length + bytes.Length)} of the original"
            );
        CheckHeader(path, found, due);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(found);
        hash.AppendData(bytes);
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) is var digest && digest != Sha256)
            throw Refuse(path, $"was altered: the SHA-256 of its decompressed content is {digest}, that of the original is {Sha256}");
        return values;
    }

    /// <summary>Checks that the file is there and that its header is right.</summary>
    /// <inheritdoc cref="Read"/>
    public void Check(string folder)
    {
        var (path, header) = (PathIn(folder), Header());
        var content = new byte[header.Length];
        using var unzipped = Open(path);
        content = content[..Fill(path, unzipped, content)];
        CheckMagic(path, content, header);
        CheckHeader(path, content, header);
    }

    string PathIn(string folder)
    {
        var path = Path.Combine(folder, Name);
        return Path.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing. {Source}", path);
    }

    byte[] Header()
    {
        var header = new byte[4 + 4 * Sizes.Length];
        BinaryPrimitives.WriteInt32BigEndian(header, 0x0800 + Sizes.Length);
        for (var i = 0; i < Sizes.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), Sizes[i]);
        return header;
    }

    void CheckMagic(string path, byte[] content, byte[] header)
    {
        if (!content.AsSpan(0, Math.Min(4, content.Length)).SequenceEqual(header.AsSpan(0, 4)))
            throw Refuse(path, $"starts with the bytes {Hex(content, 4)}; the magic number of this file is {Hex(header, 4)}");
    }

    void CheckHeader(string path, byte[] content, byte[] header)
    {
        if (!content.AsSpan(0, Math.Min(header.Length, content.Length)).SequenceEqual(header))
            throw Refuse(
                path,
                $"has the header {Hex(content, header.Length)}; the header for {string.Join(" × ", Sizes)} bytes is {Hex(header, header.Length)}"
            );
    }

    static GZipStream Open(string path) => new(RegularFile.Open(path), CompressionMode.Decompress);

    /// <summary>Reads decompressed bytes.</summary>
    /// <returns>How many there were, at most as many as fit.</returns>
    int Fill(string path, GZipStream from, Span<byte> into)
    {
        try
        {
            return from.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException error)
        {
            throw Refuse(path, $"is not a complete gzip file ({error.Message.TrimEnd('.')})", error);
        }
    }

    InvalidDataException Refuse(string path, string finding, Exception? cause = null) => new($"{path} {finding}. {Source}", cause);

    static string Hex(byte[] bytes, int count) => Convert.ToHexStringLower(bytes.AsSpan(0, Math.Min(count, bytes.Length)));

    static string Count(int bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
