using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>What a digest of a published file is taken of, and who states it.</summary>
public enum DigestKind
{
    /// <summary>SHA-256 of the decompressed content of a gzip file, which does not depend on the compression.</summary>
    ContentSha256,

    /// <summary>SHA-256 of the file that this project was tested with.</summary>
    Sha256,

    /// <summary>MD5 of the file, as its publisher or its usual readers state it; it finds damage, not forgery.</summary>
    Md5,

    /// <summary>None is published: the SHA-256 of the first download is recorded beside the file, and later ones are compared with it.</summary>
    FirstFetch,
}

/// <summary>One file of a published data set.</summary>
/// <param name="Path">Its place below the data root, with forward slashes.</param>
/// <param name="Address">Where it is downloaded; null if a person has to, because a page asks for consent.</param>
/// <param name="Kind">What the digest is taken of.</param>
/// <param name="Digest">In lower-case hexadecimal digits; null for the first fetch.</param>
/// <param name="Unpacks">The folder below the data root that appears when it is unpacked there; null for a file that is read as it is.</param>
public sealed record PublishedFile(string Path, string? Address, DigestKind Kind, string? Digest, string? Unpacks = null)
{
    /// <summary>Its own digest, at a path.</summary>
    /// <exception cref="InvalidDataException">It is not a regular file, or not a gzip file where one is due.</exception>
    public string DigestOf(string path)
    {
        using var file = RegularFile.Open(path);
        if (Kind == DigestKind.Md5)
            return Convert.ToHexStringLower(MD5.HashData(file));
        if (Kind != DigestKind.ContentSha256)
            return Convert.ToHexStringLower(SHA256.HashData(file));
        using var content = new GZipStream(file, CompressionMode.Decompress);
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(content));
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path} is not a complete gzip file ({error.Message.TrimEnd('.')}); get it again.", error);
        }
    }
}

/// <summary>A data set that others publish. Each is a static field beside the record that reads it; <see cref="All"/> finds them.</summary>
/// <param name="Name">The option of the group `data`, or the folder.</param>
/// <param name="Says">A line about it.</param>
/// <param name="Page">The official page.</param>
public sealed record Published(string Name, string Says, string Page, IReadOnlyList<PublishedFile> Files)
{
    /// <summary>All published sets that this assembly reads, by name.</summary>
    public static IReadOnlyList<Published> All { get; } =
    [
        .. typeof(Published)
            .Assembly.GetTypes()
            .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly))
            .Where(field => field.FieldType == typeof(Published))
            .Select(field => (Published)field.GetValue(null)!)
            .OrderBy(set => set.Name, StringComparer.Ordinal),
    ];
}
