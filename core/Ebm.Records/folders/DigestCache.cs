using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ebm.Records;

/// <summary>
/// Caches the SHA-256 of large files and of folders of pictures that many runs read: data sets, libtorch. A file with the same path, inode, size, modification
/// time and change time is not read again, nor is a folder all of whose files are such. The cache is in the user's cache folder, or only in this process if that is not possible. A user can reset the
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
        return file.Length >= Large && State(file) is var (state, changed)
            ? Of($"{file.FullName} {state}", changed, () => Canonical.Sha256OfFile(path))
            : Canonical.Sha256OfFile(path);
    }

    /// <summary>The digest of a folder's pictures (<see cref="PictureFolder.DigestOf"/>).</summary>
    public static string Of(PictureFolder folder)
    {
        using var states = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var last = DateTime.MinValue;
        foreach (var name in folder.Names)
        {
            if (State(new FileInfo(folder.PathOf(name))) is not var (state, changed))
                return folder.Digest(Of);
            states.AppendData(Encoding.UTF8.GetBytes($"{state} {name}\n"));
            last = changed > last ? changed : last;
        }
        var key = $"{Path.GetFullPath(folder.Path)} {Convert.ToHexStringLower(states.GetHashAndReset())}";
        return Of(key, last, () => folder.Digest(Of));
    }

    /// <param name="key">What determines the digest.</param>
    /// <param name="changed">When it last changed.</param>
    static string Of(string key, DateTime changed, Func<string> compute)
    {
        if (Known.TryGetValue(key, out var known))
            return known;
        if (DateTime.UtcNow - changed <= Settles)
            return compute();
        var entry = Kept.Value is { } folder ? Path.Combine(folder, Canonical.Sha256(key)[..32]) : null;
        if (entry is not null && Read(entry) is { Length: 64 } kept)
            return Known[key] = kept;
        var digest = Known[key] = compute();
        if (entry is not null)
            Write(entry, digest);
        return digest;
    }

    /// <summary>What changes with a file's bytes, and when it last changed; null if the system does not tell.</summary>
    static (string State, DateTime Changed)? State(FileInfo file) =>
        Changed(file.FullName) is var (inode, changed)
            ? (string.Create(CultureInfo.InvariantCulture, $"{file.Length} {file.LastWriteTimeUtc:O} {inode} {changed:O}"), changed)
            : null;

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
