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
    /// <summary>The bytes after the header.</summary>
    /// <exception cref="FileNotFoundException">The folder has no such file.</exception>
    /// <exception cref="InvalidDataException">The file has another content.</exception>
    public byte[] Read(string folder)
    {
        var path = PathIn(folder);
        var header = Header();
        // One byte more, to notice a longer content without reading all of it: a small file may decompress to terabytes.
        var content = Decompress(path, Length + 1);
        CheckMagic(path, content, header);
        if (content.Length != Length)
            throw Refuse(
                path,
                content.Length < Length
                    ? $"has {Count(content.Length)} bytes when decompressed, fewer than the {Count(Length)} of the original"
                    : $"has more bytes when decompressed than the {Count(Length)} of the original"
            );
        CheckHeader(path, content, header);
        if (Convert.ToHexStringLower(SHA256.HashData(content)) is var found && found != Sha256)
            throw Refuse(path, $"was altered: the SHA-256 of its decompressed content is {found}, that of the original is {Sha256}");
        return content[header.Length..];
    }

    /// <summary>Checks that the file is there and that its header is right.</summary>
    /// <inheritdoc cref="Read"/>
    public void Check(string folder)
    {
        var (path, header) = (PathIn(folder), Header());
        var content = Decompress(path, header.Length);
        CheckMagic(path, content, header);
        CheckHeader(path, content, header);
    }

    int Length => Header().Length + Sizes.Aggregate(1, (a, b) => a * b);

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

    /// <summary>At most so many bytes of the decompressed content.</summary>
    byte[] Decompress(string path, int most)
    {
        using var file = RegularFile.Open(path);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        var content = new byte[most];
        try
        {
            return content[..unzipped.ReadAtLeast(content, most, throwOnEndOfStream: false)];
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
