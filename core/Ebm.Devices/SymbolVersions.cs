using System.Buffers.Binary;
using System.Text;

namespace Ebm.Devices;

/// <summary>
/// The versions of symbols that a shared library requests from another one, or defines, from its ELF sections .gnu.version_r and
/// .gnu.version_d. The loader rejects a file that requests a version which the other library does not define, unless the request is weak
/// (VER_FLG_WEAK). Layout: System V ABI for 64 bits, little endian; Linux Standard Base, chapter 10.7, describes the sections.
/// </summary>
public static class SymbolVersions
{
    const uint Definitions = 0x6ffffffd; // SHT_GNU_verdef
    const uint Needs = 0x6ffffffe; // SHT_GNU_verneed
    const ushort Weak = 2; // VER_FLG_WEAK

    /// <summary>The versions of <paramref name="library"/> that the file requests and the loader requires; weak requests are left out.</summary>
    /// <param name="elf">The file's bytes.</param>
    /// <param name="library">The name in the file, such as libstdc++.so.6.</param>
    /// <exception cref="InvalidDataException">The bytes are not a 64-bit little-endian ELF file.</exception>
    public static IReadOnlyList<string> Needed(byte[] elf, string library) =>
        [.. Requests(elf).Where(r => r.Library == library && (U16(elf, r.Flags) & Weak) == 0).Select(r => r.Version)];

    /// <summary>The versions that a library defines.</summary>
    /// <inheritdoc cref="Needed"/>
    public static IReadOnlyList<string> Defined(byte[] elf)
    {
        var versions = new List<string>();
        if (Section(elf, Definitions) is not { } section)
            return versions;
        // The first name of a definition is its version; further names are its predecessors.
        for (int at = section.Start, next = 1; next != 0; at += next)
        {
            next = U32(elf, at + 16);
            versions.Add(Text(elf, section.Names + U32(elf, at + U32(elf, at + 12))));
        }
        return versions;
    }

    /// <summary>A copy in which one request is weak, so that the loader accepts the file without that version.</summary>
    /// <exception cref="InvalidDataException">The file does not request this version exactly once.</exception>
    public static byte[] Weakened(byte[] elf, string library, string version)
    {
        var flags = Requests(elf).Where(r => r.Library == library && r.Version == version).Select(r => r.Flags).ToList();
        if (flags is not [var at])
            throw new InvalidDataException($"the file must request {version} of {library} once; it does so {flags.Count} times");
        var copy = (byte[])elf.Clone();
        BinaryPrimitives.WriteUInt16LittleEndian(copy.AsSpan(at), (ushort)(U16(elf, at) | Weak));
        return copy;
    }

    static IEnumerable<(string Library, string Version, int Flags)> Requests(byte[] elf)
    {
        if (Section(elf, Needs) is not { } section)
            yield break;
        for (int at = section.Start, next = 1; next != 0; at += next)
        {
            next = U32(elf, at + 12);
            var library = Text(elf, section.Names + U32(elf, at + 4));
            for (int entry = at + U32(elf, at + 8), after = 1; after != 0; entry += after)
            {
                after = U32(elf, entry + 12);
                yield return (library, Text(elf, section.Names + U32(elf, entry + 8)), entry + 4);
            }
        }
    }

    /// <summary>The start of the section of a type, and of its names; null if the file has no such section.</summary>
    static (int Start, int Names)? Section(byte[] elf, uint type)
    {
        if (elf.Length < 64 || !elf.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("the file is not a 64-bit little-endian ELF file");
        var (table, size, count) = ((int)U64(elf, 0x28), U16(elf, 0x3a), U16(elf, 0x3c));
        for (var at = table; at < table + size * count; at += size)
            if ((uint)U32(elf, at + 4) == type)
                return ((int)U64(elf, at + 24), (int)U64(elf, table + size * U32(elf, at + 40) + 24));
        return null;
    }

    static string Text(byte[] elf, int at) => Encoding.ASCII.GetString(elf, at, Array.IndexOf(elf, (byte)0, at) - at);

    static ushort U16(byte[] elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at));

    static int U32(byte[] elf, int at) => BinaryPrimitives.ReadInt32LittleEndian(elf.AsSpan(at));

    static long U64(byte[] elf, int at) => BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(at));
}
