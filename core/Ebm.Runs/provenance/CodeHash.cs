using System.Collections.Concurrent;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// What an assembly computes, as one number: its types, signatures, constants and instructions, without what a comment or an empty
/// line changes (debug information, the module's own id, and where things lie in the file). So a result is stale when the code
/// behind it has changed, and not when somebody explained it better.
/// </summary>
public static class CodeHash
{
    static readonly ConcurrentDictionary<(string Path, DateTime Modified, long Size), string> Known = new();

    /// <param name="path">A .NET assembly.</param>
    /// <returns>64 hexadecimal digits.</returns>
    /// <exception cref="BadImageFormatException">The file is no assembly.</exception>
    public static string Of(string path)
    {
        var file = new FileInfo(path);
        return Known.GetOrAdd((file.FullName, file.LastWriteTimeUtc, file.Length), key => Read(key.Path));
    }

    static string Read(string path)
    {
        using var image = new PEReader(new MemoryStream(File.ReadAllBytes(path)), PEStreamOptions.PrefetchEntireImage);
        var reader = image.GetMetadataReader();
        // F# keeps data outside the instructions, without names that say what is in it: such an assembly counts byte by byte.
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

    // The tables and heaps, without the module's id and without addresses. The data at those addresses (arrays written out in C#) have
    // names that are hashes of them.
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
