using System.Collections.Concurrent;

namespace Ebm.Records;

/// <summary>
/// Caches the SHA-256 of large files that many runs read: data sets, libtorch. A file with the same path, inode, size, modification time and change
/// time is not read again. The cache is in the user's cache folder, or only in this process if that is not possible. A user can reset the
/// modification time, but not the change time (ctime). So only changes below the file system or under a clock that was set back remain unnoticed;
/// audits do not use the cache.
/// </summary>
public static class DigestCache
{
    // Below this size, reading is as fast as a cache lookup.
    const long Large = 1 << 20;

    /// <summary>A file changed more recently than this is read, because it may change again within the clock's resolution.</summary>
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

    /// <summary>A file's inode and its change time (ctime); null if the system does not provide them.</summary>
    internal static (ulong Inode, DateTime Changed)? Changed(string path) =>
        FileStatus.Of(path) is { } status ? (status.Inode, status.Changed) : null;

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
            // A cache that cannot be written only costs time.
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
