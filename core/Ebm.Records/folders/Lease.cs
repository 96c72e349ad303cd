using System.Text;

namespace Ebm.Records;

/// <summary>
/// A lease on a file, held by one process at a time. On one machine it is a lock, which the system releases when the process ends in any way.
/// Between machines, where locks may not work, the file names the holder's machine and is touched while the process lives; a lease that was not
/// touched for <see cref="Lasts"/> has expired. Who takes a lease measures its age by the clock of the file server, so that machines whose clocks
/// differ do not take each other's runs.
/// </summary>
public sealed class Lease : IDisposable
{
    /// <summary>The time after the last touch until a lease expires, as seen from another machine.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromMinutes(2);

    // The name in a lease that was given back: an empty file would let a third process take it before its holder renews it.
    static readonly byte[] returned = Encoding.UTF8.GetBytes("another machine\n?\n");

    readonly byte[] own;
    readonly Stream file;
    readonly IDisposable renewal;
    Func<bool>? holds;

    Lease(string path, Stream file)
    {
        this.file = file;
        own = Encoding.UTF8.GetBytes($"{Disk.Machine(path)}\n{Environment.ProcessId}\n");
        Write(own);
        renewal = Disk.Every(path, Lasts / 4, Renew);
    }

    /// <summary>Takes the lease, and creates the file if it is missing; null if another process has it.</summary>
    /// <exception cref="IOException">The file cannot be written: the disk is full, or the folder is missing.</exception>
    /// <exception cref="InvalidDataException">It is a pipe or a device, which would block.</exception>
    public static Lease? Take(string path)
    {
        if (Holder(path) is not null && IsFresh(path))
            return null;
        if (RegularFile.Refusal(path) is { } says)
            throw new InvalidDataException($"{path}: {says}");
        Stream file;
        try
        {
            file = Disk.Lock(path);
        }
        catch (IOException) when (Disk.HasFile(path))
        {
            return null;
        }
        try
        {
            // Another machine may have taken it since, if this process was suspended.
            if (Named(path, file) is not null && IsFresh(path))
            {
                file.Dispose();
                return null;
            }
            return new Lease(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a process holds it, on this or another machine. Writes nothing.</summary>
    public static bool IsHeld(string path)
    {
        if (!Disk.HasFile(path))
            return false;
        try
        {
            using var free = Disk.Read(path);
            return Elsewhere(path) is not null;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            // It is gone, or this user cannot take it either.
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The holder on another machine, as "process 12 on node3"; null if there is none, as far as can be seen.</summary>
    public static string? Elsewhere(string path) => Disk.Now(path) - Disk.Written(path) <= Lasts ? Holder(path) : null;

    static bool IsFresh(string path) => Server(path) - Disk.Written(path) <= Lasts;

    /// <summary>The time by the clock of the file server, which sets the times of its files.</summary>
    static DateTime Server(string path)
    {
        var probe = $"{path}.{Guid.NewGuid():n}.new";
        using (Disk.Create(probe)) { }
        var now = Disk.Written(probe);
        Disk.DeleteFile(probe);
        return now;
    }

    /// <summary>The process on another machine that a lease names, whether or not it has expired; null if it names none.</summary>
    static string? Holder(string path)
    {
        if (!Disk.HasFile(path))
            return null;
        try
        {
            using var file = Disk.Read(path);
            return Named(path, file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The file is locked, so the holder is on a machine that shares locks with this one; or it cannot be read.
            return null;
        }
    }

    /// <summary>The process on another machine that an open lease names.</summary>
    static string? Named(string path, Stream file)
    {
        // Two short lines; a longer file is not a lease.
        var start = new byte[400];
        file.Position = 0;
        var lines = Encoding.UTF8.GetString(start, 0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)).Split('\n');
        return lines[0] is { Length: > 0 } host && host != Disk.Machine(path) ? $"process {lines.ElementAtOrDefault(1)} on {host}" : null;
    }

    void Write(byte[] holder)
    {
        file.Position = 0;
        file.Write(holder);
        file.SetLength(holder.Length);
        Disk.Sync(file);
    }

    /// <summary>Whether the file names this holder. A process that was suspended may find the lease of another machine.</summary>
    bool Names(byte[] holder)
    {
        var there = new byte[holder.Length];
        file.Position = 0;
        return file.ReadAtLeast(there, there.Length, throwOnEndOfStream: false) == holder.Length && there.AsSpan().SequenceEqual(holder);
    }

    /// <summary>From now on, renews the lease as long as this is true, whatever name is in it: a late process may write its own name, find that the run has another
    /// process, and step back.</summary>
    public void While(Func<bool> holds)
    {
        lock (file)
            this.holds = holds;
    }

    void Renew()
    {
        lock (file)
            try
            {
                if (file.CanWrite && (holds?.Invoke() ?? Names(own)))
                    Write(own);
            }
            catch (IOException)
            {
                // A lease that cannot be renewed expires; fencing then prevents its holder from writing.
            }
    }

    /// <summary>Gives the lease back to the process that holds what it is for. Until that one renews it, it counts as held.</summary>
    public void Return() =>
        End(() =>
        {
            if (Names(own))
                Write(returned);
        });

    /// <summary>Releases the lease.</summary>
    public void Dispose() =>
        End(() =>
        {
            if (Names(own))
                file.SetLength(0);
        });

    void End(Action last)
    {
        renewal.Dispose();
        lock (file)
            using (file)
                last();
    }
}
