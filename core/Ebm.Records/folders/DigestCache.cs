using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Ebm.Records;

/// <summary>
/// SHA-256 of large files that many runs read: data sets, libtorch. A file of the same path, inode, size, time of writing and time of change is not
/// read again; what is known is kept in the user's cache folder, and where that cannot be, only for this process. The time of writing can be put back
/// after a change, the time of change (ctime) is the system's own. So what is not noticed is a change below the file system, or under a clock that
/// was turned back; an audit does not ask here: it reads.
/// </summary>
public static class DigestCache
{
    // Below this, reading is as fast as remembering.
    const long Large = 1 << 20;

    /// <summary>A file that was changed less than this ago may be changed again within the clock's grain, and is read.</summary>
    internal static TimeSpan Settles { get; set; } = TimeSpan.FromSeconds(2);

    static readonly ConcurrentDictionary<string, string> Known = new();
    static readonly Lazy<string?> Kept = new(Find);

    /// <summary>SHA-256 of a file's bytes, 64 lower-case hexadecimal digits.</summary>
    public static string Of(string path)
    {
        var file = new FileInfo(path);
        if (Changed(file.FullName) is not var (inode, changed))
            return Canonical.Sha256OfFile(path);
        var key = string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O} {inode} {changed:O}"
        );
        if (Known.TryGetValue(key, out var known))
            return known;
        var settled = DateTime.UtcNow - changed > Settles;
        if (file.Length < Large || !settled)
            return Canonical.Sha256OfFile(path);
        var entry = Kept.Value is { } folder ? Path.Combine(folder, Canonical.Sha256(key)[..32]) : null;
        if (entry is not null && Read(entry) is { Length: 64 } kept)
            return Known[key] = kept;
        var digest = Known[key] = Canonical.Sha256OfFile(path);
        if (entry is not null)
            Write(entry, digest);
        return digest;
    }

    /// <summary>A file's inode and the time at which it or its name was last changed; null where the system does not tell.</summary>
    internal static (ulong Inode, DateTime Changed)? Changed(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        // The layout is the kernel's, the same on every machine (linux/stat.h).
        const int here = -100,
            inodeAndChange = 0x180,
            inode = 32,
            change = 96;
        var answer = new byte[256];
        try
        {
            if (Statx(here, path, 0, inodeAndChange, answer) != 0 || (BitConverter.ToUInt32(answer) & inodeAndChange) != inodeAndChange)
                return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a C library from before 2018
        }
        var ticks = BitConverter.ToInt64(answer, change) * TimeSpan.TicksPerSecond + BitConverter.ToUInt32(answer, change + 8) / 100;
        return (BitConverter.ToUInt64(answer, inode), DateTime.UnixEpoch.AddTicks(ticks));
    }

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    static extern int Statx(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, byte[] answer);

    static string? Read(string entry)
    {
        try
        {
            return File.ReadAllText(entry);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // not known yet
        }
    }

    static void Write(string entry, string digest)
    {
        try
        {
            AtomicFile.Write(entry, digest);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A cache that cannot be written costs time, and nothing else.
        }
    }

    static string? Find()
    {
        var root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var folder = Path.Combine(root, "ebm-research", "digests");
        try
        {
            Directory.CreateDirectory(folder);
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
