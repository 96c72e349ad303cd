using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;

namespace Ebm.Runs;

/// <summary>
/// How an assembly was compiled, from its file (the debug directory of the PE format, and the compilation options of portable PDBs): whether the
/// build was deterministic, and by which compiler.
/// </summary>
public static class Compiled
{
    static readonly Guid Options = new("B5FEEC05-8CD0-4A83-96DA-466284BB4BD8");

    /// <param name="path">A .NET assembly.</param>
    public static bool IsDeterministic(string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        return image.ReadDebugDirectory().Any(entry => entry.Type == DebugDirectoryEntryType.Reproducible);
    }

    /// <summary>The compiler's version; null if the assembly has no debug information, or it does not contain the version.</summary>
    public static string? By(string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        var embedded = image.ReadDebugDirectory().FirstOrDefault(entry => entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        if (embedded.DataSize == 0)
            return null;
        using var provider = image.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
        var reader = provider.GetMetadataReader();
        var options = reader
            .CustomDebugInformation.Select(reader.GetCustomDebugInformation)
            .Where(information => reader.GetGuid(information.Kind) == Options)
            .Select(information => Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value)).Split('\0'))
            .FirstOrDefault([]);
        // Names and values alternate.
        return options.Chunk(2).Where(pair => pair is ["compiler-version", _]).Select(pair => pair[1]).FirstOrDefault();
    }
}
