using System.Collections.Concurrent;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// A hash of an assembly's code: its types, signatures, constants and instructions, without what comments or empty lines change (debug information,
/// the module id, and addresses in the file). So a result becomes stale when the code changes, but not when only a comment does.
/// </summary>
public static class CodeHash
{
    static readonly ConcurrentDictionary<(string Path, DateTime Modified, long Size), string> Known = new();

    /// <param name="path">A .NET assembly.</param>
    /// <returns>64 hexadecimal digits.</returns>
    /// <exception cref="BadImageFormatException">The file is not an assembly.</exception>
    public static string Of(string path)
    {
        var file = new FileInfo(path);
        return Known.GetOrAdd((file.FullName, file.LastWriteTimeUtc, file.Length), key => Read(key.Path));
    }

    static string Read(string path)
    {
        using var image = new PEReader(new MemoryStream(File.ReadAllBytes(path)), PEStreamOptions.PrefetchEntireImage);
        var reader = image.GetMetadataReader();
        // F# stores data outside the instructions without hashes in their names; such an assembly is hashed byte by byte.
        if (reader.ManifestResources.Count > 0)
            return Canonical.Sha256OfFile(path);

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Metadata(image, reader));
        foreach (var handle in reader.MethodDefinitions)
        {
            var method = reader.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0)
                continue;
            var body = image.GetMethodBody(method.RelativeVirtualAddress);
            hash.AppendData(BitConverter.GetBytes(body.LocalSignature.IsNil ? 0 : MetadataTokens.GetToken(body.LocalSignature)));
            foreach (var region in body.ExceptionRegions)
            foreach (
                var number in (int[])
                    [(int)region.Kind, region.TryOffset, region.TryLength, region.HandlerOffset, region.HandlerLength, region.FilterOffset]
            )
                hash.AppendData(BitConverter.GetBytes(number));
            hash.AppendData(body.GetILBytes()!);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // The tables and heaps, without the module id and without addresses. The names of the data at those addresses (array literals in C#) are hashes
    // of the data.
    static byte[] Metadata(PEReader image, MetadataReader reader)
    {
        var bytes = image.GetMetadata().GetContent().ToArray();
        Array.Clear(bytes, reader.GetHeapMetadataOffset(HeapIndex.Guid), reader.GetHeapSize(HeapIndex.Guid));
        foreach (var table in (TableIndex[])[TableIndex.MethodDef, TableIndex.FieldRva])
        {
            var (start, size) = (reader.GetTableMetadataOffset(table), reader.GetTableRowSize(table));
            for (var row = 0; row < reader.GetTableRowCount(table); row++)
                Array.Clear(bytes, start + row * size, sizeof(int));
        }
        return bytes;
    }
}
