using System.Collections.Immutable;

namespace Ebm.Records;

/// <summary>
/// The files of runs, with the clock and the name of the machine that sees them. Everything that reads or writes a run's folder does it here. Paths
/// below the root of a mounted <see cref="IVolume"/> are that volume's, so that a simulation of many machines executes this same code on a folder in
/// memory; all other paths are those of this machine's file system.
/// </summary>
public static class Disk
{
    static ImmutableArray<IVolume> mounted = [];

    /// <summary>Gives the paths below a volume's root to it until the result is disposed.</summary>
    public static IDisposable Mount(IVolume volume)
    {
        ImmutableInterlocked.Update(ref mounted, volumes => volumes.Add(volume));
        return new Mounted(volume);
    }

    sealed class Mounted(IVolume volume) : IDisposable
    {
        public void Dispose() => ImmutableInterlocked.Update(ref mounted, volumes => volumes.Remove(volume));
    }

    static IVolume? At(string path)
    {
        foreach (var volume in mounted)
            if (path.StartsWith(volume.Root, StringComparison.Ordinal))
                return volume;
        return null;
    }

    // ── the machine ───────────────────────────────────────────────────────────────────────────

    /// <summary>The time (UTC) by the clock of the machine that sees this path.</summary>
    public static DateTime Now(string path) => At(path)?.Now(path) ?? DateTime.UtcNow;

    /// <summary>The name of the machine that sees this path.</summary>
    public static string Machine(string path) => At(path)?.Machine(path) ?? Environment.MachineName;

    /// <summary>Calls an action again and again, as long as the machine that sees this path works and the result is not disposed.</summary>
    internal static IDisposable Every(string path, TimeSpan period, Action action) =>
        At(path)?.Every(path, period, action) ?? new Timer(_ => action(), null, period, period);

    // ── what is there ─────────────────────────────────────────────────────────────────────────

    public static bool HasFile(string path) => At(path)?.HasFile(path) ?? File.Exists(path);

    public static bool HasFolder(string path) => At(path)?.HasFolder(path) ?? Directory.Exists(path);

    /// <summary>Whether a path names a file or a folder.</summary>
    public static bool Has(string path) => At(path) is { } volume ? volume.HasFile(path) || volume.HasFolder(path) : Path.Exists(path);

    /// <summary>The paths of the folders in a folder, in no order.</summary>
    /// <param name="pattern">A name that may have one asterisk at an end.</param>
    public static string[] Folders(string path, string pattern = "*") =>
        At(path)?.Folders(path, pattern) ?? Directory.GetDirectories(path, pattern);

    /// <summary>The paths of the files in a folder, in no order.</summary>
    /// <inheritdoc cref="Folders"/>
    public static string[] Files(string path, string pattern = "*") => At(path)?.Files(path, pattern) ?? Directory.GetFiles(path, pattern);

    /// <summary>The paths of all files in and below a folder.</summary>
    internal static IEnumerable<string> Tree(string path) =>
        At(path) is { } volume ? volume.Files(path, "*").Concat(volume.Folders(path, "*").SelectMany(Tree)) : FolderTree.Files(path);

    /// <summary>When a file was last written (UTC), by the clock of the machine that keeps it.</summary>
    public static DateTime Written(string path) => At(path)?.Written(path) ?? File.GetLastWriteTimeUtc(path);

    internal static long Length(string path) => At(path)?.Length(path) ?? new FileInfo(path).Length;

    internal static bool IsLink(string path) => At(path) is null && new FileInfo(path).LinkTarget is not null;

    // ── changes ───────────────────────────────────────────────────────────────────────────────

    /// <summary>Creates a folder and its parents, unless they exist.</summary>
    public static void MakeFolder(string path)
    {
        if (At(path) is { } volume)
            volume.MakeFolder(path, isNew: false);
        else
            Directory.CreateDirectory(path);
    }

    /// <summary>Creates a folder but no parent folders.</summary>
    /// <exception cref="IOException">It exists already, or its parent does not exist.</exception>
    internal static void MakeNewFolder(string path)
    {
        if (At(path) is { } volume)
            volume.MakeFolder(path, isNew: true);
        else
            AtomicFile.CreateFolder(path);
    }

    /// <summary>Renames a file; one at the new path is replaced.</summary>
    internal static void MoveFile(string from, string to)
    {
        if (At(from) is { } volume)
            volume.Move(from, to);
        else
            File.Move(from, to, overwrite: true);
    }

    internal static void MoveFolder(string from, string to)
    {
        if (At(from) is { } volume)
            volume.Move(from, to);
        else
            Directory.Move(from, to);
    }

    internal static void DeleteFile(string path)
    {
        if (At(path) is { } volume)
            volume.Delete(path);
        else
            File.Delete(path);
    }

    /// <summary>Deletes a folder with everything in it.</summary>
    internal static void DeleteFolder(string path)
    {
        if (At(path) is { } volume)
            volume.Delete(path);
        else
            Directory.Delete(path, recursive: true);
    }

    // ── content ───────────────────────────────────────────────────────────────────────────────

    /// <summary>Opens a file for reading; see <see cref="RegularFile.Open"/>.</summary>
    public static Stream Read(string path) => At(path)?.Open(path, FileMode.Open, isAlone: false) ?? RegularFile.Open(path);

    /// <summary>Creates a file for writing.</summary>
    /// <exception cref="IOException">It exists already.</exception>
    internal static Stream Create(string path) =>
        At(path)?.Open(path, FileMode.CreateNew, isAlone: true)
        ?? new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 13);

    /// <summary>Opens a file for writing at its end, or creates it; each write reaches it at once.</summary>
    internal static Stream Append(string path) =>
        At(path)?.Open(path, FileMode.Append, isAlone: false)
        ?? new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);

    /// <summary>Opens a file, or creates it, for reading and writing by one process of this machine.</summary>
    /// <exception cref="IOException">Another process of this machine has it open.</exception>
    internal static Stream Lock(string path) =>
        At(path)?.Open(path, FileMode.OpenOrCreate, isAlone: true)
        ?? new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    /// <summary>Syncs what was written to a file to the disk.</summary>
    internal static void Sync(Stream stream)
    {
        if (stream is FileStream file)
            file.Flush(flushToDisk: true);
        else
            stream.Flush();
    }

    /// <summary>Syncs a file to the disk.</summary>
    internal static void SyncFile(string path)
    {
        if (At(path) is { } volume)
        {
            volume.Sync(path);
            return;
        }
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Syncs a folder's entries to the disk, so that a rename in it survives a power failure.</summary>
    /// <exception cref="IOException">The system call failed.</exception>
    internal static void SyncFolder(string path)
    {
        if (At(path) is { } volume)
            volume.Sync(path);
        else
            AtomicFile.SyncFolder(path);
    }
}
