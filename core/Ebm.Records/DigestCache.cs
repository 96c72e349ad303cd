using System.Collections.Concurrent;

namespace Ebm.Records;

/// <summary>
/// SHA-256 of large files that many runs read: data sets, libtorch. A file of the same path, size and time is not read again; what is known is
/// kept in the user's cache folder, and where that cannot be, only for this process. An audit does not ask here: it reads.
/// </summary>
public static class DigestCache
{
    // Below this, reading is as fast as remembering.
    const long Large = 1 << 20;

    static readonly ConcurrentDictionary<string, string> Known = new();
    static readonly Lazy<string?> Kept = new(Find);

    /// <summary>SHA-256 of a file's bytes, 64 lower-case hexadecimal digits.</summary>
    public static string Of(string path)
    {
        var file = new FileInfo(path);
        var key = $"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O}";
        if (Known.TryGetValue(key, out var known))
            return known;
        // One that was written a moment ago may be written again within the clock's grain.
        var settled = DateTime.UtcNow - file.LastWriteTimeUtc > TimeSpan.FromSeconds(2);
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
