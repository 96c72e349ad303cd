using Ebm.Records;

namespace Ebm.Runs;

/// <summary>A later attempt of the same run has begun elsewhere: this one publishes nothing any more.</summary>
public sealed class FencedException(string says) : Exception(says);

/// <summary>
/// A run is claimed by one process at a time. On one machine the claim is a lock on the file .claim, which the system drops when the
/// process ends, however it ends. Between machines, where locks may not reach, it is a lease: the file says which machine holds it and is
/// touched while the process lives, and one that was not touched for <see cref="Lease"/> is over. The number of the attempt is the fence:
/// a process that was thought dead, and wakes up after another attempt began, may not publish.
/// </summary>
public sealed class Claim : IDisposable
{
    /// <summary>How long a claim outlives its last touch, seen from another machine.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    readonly RunFolder folder;
    readonly FileStream file;
    readonly Timer renewal;

    /// <exception cref="ConfigException">Another process is at work on the run.</exception>
    public Claim(RunFolder folder)
    {
        this.folder = folder;
        try
        {
            if (IsLeased(folder.Path)) throw Taken();
            file = new FileStream(PathOf(folder.Path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (Directory.Exists(folder.Path))
        {
            throw Taken();
        }
        Touch();
        renewal = new Timer(_ => Touch(), null, Lease / 4, Lease / 4);
    }

    ConfigException Taken() => new(Source.Of(folder.Path), "", "another process is at work on this run; wait for it, or stop it.");

    static string PathOf(string folder) => Path.Combine(folder, ".claim");

    /// <summary>Whether a process is at work on a run, here or on another machine. Writes nothing.</summary>
    public static bool IsHeld(string folder)
    {
        if (!File.Exists(PathOf(folder))) return false;
        try
        {
            using var free = new FileStream(PathOf(folder), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return IsLeased(folder);
        }
        catch (IOException)
        {
            return true;
        }
    }

    // By another machine, and touched a short while ago.
    static bool IsLeased(string folder)
    {
        var path = PathOf(folder);
        if (!File.Exists(path) || DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > Lease) return false;
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var host = reader.ReadLine();
        return host is { Length: > 0 } && host != Environment.MachineName;
    }

    void Touch()
    {
        lock (file)
        {
            if (!file.CanWrite) return;
            file.Position = 0;
            file.Write(System.Text.Encoding.UTF8.GetBytes($"{Environment.MachineName}\n{Environment.ProcessId}\n"));
            file.SetLength(file.Position);
            file.Flush();
        }
    }

    /// <summary>Whether an attempt is still the last one.</summary>
    public bool Holds(int attempt) => folder.Manifest is not { } there || there.Attempt <= attempt;

    /// <exception cref="FencedException">A later attempt has begun.</exception>
    public void Hold(int attempt)
    {
        if (!Holds(attempt)) throw new FencedException($"another attempt of this run has begun elsewhere, so attempt {attempt} publishes nothing");
    }

    /// <summary>Gives the run back.</summary>
    public void Dispose()
    {
        renewal.Dispose();
        lock (file)
        {
            file.SetLength(0);
            file.Dispose();
        }
    }
}
