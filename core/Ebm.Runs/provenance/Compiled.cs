using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;

namespace Ebm.Runs;

/// <summary>
/// What an assembly's own file says of how it was compiled (the debug directory of the PE format, and the compilation options of portable PDBs):
/// whether the compiler promised the same bytes for the same sources, and which compiler it was.
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

    /// <summary>The compiler's version; null where the assembly carries no debug information, or that does not say.</summary>
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
        // Names and values in turn.
        return options.Chunk(2).Where(pair => pair is ["compiler-version", _]).Select(pair => pair[1]).FirstOrDefault();
    }
}
