using System.Text;

namespace Ebm.Runs;

/// <summary>
/// A file that one process holds at a time. On one machine it is locked, and the system drops the lock when the process ends, however it
/// ends. Between machines, where locks may not reach, it is a lease: the file says which machine holds it and is touched while the
/// process lives, and one that was not touched for <see cref="Lasts"/> is over.
/// </summary>
public sealed class Lease : IDisposable
{
    /// <summary>How long a lease outlives its last touch, seen from another machine, whose clock should be right to a minute.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromMinutes(2);

    readonly FileStream file;
    readonly Timer renewal;

    Lease(FileStream file)
    {
        this.file = file;
        Touch();
        renewal = new Timer(_ => Renew(), null, Lasts / 4, Lasts / 4);
    }

    /// <summary>Takes the lease, and makes the file where it is missing; null when another process has it.</summary>
    /// <exception cref="IOException">The file could not be written: a full disk, or no folder.</exception>
    public static Lease? Take(string path)
    {
        if (Elsewhere(path) is not null)
            return null;
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
        try
        {
            return new Lease(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a process holds it, here or on another machine. Writes nothing.</summary>
    public static bool IsHeld(string path)
    {
        if (!File.Exists(path))
            return false;
        try
        {
            using var free = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return Elsewhere(path) is not null;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Who on another machine holds it, as "process 12 on node3"; null when none does as far as can be seen.</summary>
    public static string? Elsewhere(string path)
    {
        if (!File.Exists(path) || DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > Lasts)
            return null;
        try
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadLine() is { Length: > 0 } host && host != Environment.MachineName
                ? $"process {reader.ReadLine()} on {host}"
                : null;
        }
        catch (IOException)
        {
            // Locked: its holder is where locks reach.
            return null;
        }
    }

    void Touch()
    {
        file.Position = 0;
        file.Write(Encoding.UTF8.GetBytes($"{Environment.MachineName}\n{Environment.ProcessId}\n"));
        file.SetLength(file.Position);
        file.Flush(flushToDisk: true);
    }

    void Renew()
    {
        lock (file)
            try
            {
                if (file.CanWrite)
                    Touch();
            }
            catch (IOException)
            {
                // A lease that cannot be renewed is over in a while, and the fence decides who publishes.
            }
    }

    /// <summary>Gives it back.</summary>
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
