using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;

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
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} is missing. {Source}", path);
        var content = Decompress(path);
        var header = new byte[4 + 4 * Sizes.Length];
        BinaryPrimitives.WriteInt32BigEndian(header, 0x0800 + Sizes.Length);
        for (var i = 0; i < Sizes.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), Sizes[i]);
        var length = header.Length + Sizes.Aggregate(1, (a, b) => a * b);

        if (!content.AsSpan(0, Math.Min(4, content.Length)).SequenceEqual(header.AsSpan(0, 4)))
            throw Refuse(path, $"starts with the bytes {Hex(content, 4)}; the magic number of this file is {Hex(header, 4)}");
        if (content.Length != length)
            throw Refuse(
                path,
                $"has {Count(content.Length)} bytes when decompressed, {(content.Length < length ? "fewer" : "more")} than the {Count(length)} of the original"
            );
        if (!content.AsSpan(0, header.Length).SequenceEqual(header))
            throw Refuse(
                path,
                $"has the header {Hex(content, header.Length)}; the header for {string.Join(" × ", Sizes)} bytes is {Hex(header, header.Length)}"
            );
        if (Convert.ToHexStringLower(SHA256.HashData(content)) is var found && found != Sha256)
            throw Refuse(path, $"was altered: the SHA-256 of its decompressed content is {found}, that of the original is {Sha256}");
        return content[header.Length..];
    }

    byte[] Decompress(string path)
    {
        using var file = File.OpenRead(path);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        using var content = new MemoryStream();
        try
        {
            unzipped.CopyTo(content);
        }
        catch (InvalidDataException error)
        {
            throw Refuse(path, $"is not a complete gzip file ({error.Message.TrimEnd('.')})", error);
        }
        return content.ToArray();
    }

    InvalidDataException Refuse(string path, string finding, Exception? cause = null) => new($"{path} {finding}. {Source}", cause);

    static string Hex(byte[] bytes, int count) => Convert.ToHexStringLower(bytes.AsSpan(0, Math.Min(count, bytes.Length)));

    static string Count(int bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
