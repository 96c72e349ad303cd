using System.Text;

namespace Ebm.Records;

/// <summary>
/// A lease on a file, held by one process at a time. On one machine it is a lock, which the system releases when the process ends in any way.
/// Between machines, where locks may not work, the file names the holder's machine and is touched while the process lives; a lease that was not
/// touched for <see cref="Lasts"/> has expired.
/// </summary>
public sealed class Lease : IDisposable
{
    /// <summary>The time after the last touch until a lease expires, as seen from another machine, whose clock should be right to a
    /// minute.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromMinutes(2);

    readonly FileStream file;
    readonly Timer renewal;

    Lease(FileStream file)
    {
        this.file = file;
        Touch();
        renewal = new Timer(_ => Renew(), null, Lasts / 4, Lasts / 4);
    }

    /// <summary>Takes the lease, and creates the file if it is missing; null if another process has it.</summary>
    /// <exception cref="IOException">The file cannot be written: the disk is full, or the folder is missing.</exception>
    /// <exception cref="InvalidDataException">It is a pipe or a device, which would block.</exception>
    public static Lease? Take(string path)
    {
        if (Elsewhere(path) is not null)
            return null;
        if (RegularFile.Refusal(path) is { } says)
            throw new InvalidDataException($"{path}: {says}");
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

    /// <summary>Whether a process holds it, on this or another machine. Writes nothing.</summary>
    public static bool IsHeld(string path)
    {
        if (!File.Exists(path))
            return false;
        try
        {
            using var free = RegularFile.Open(path);
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
    public static string? Elsewhere(string path)
    {
        if (!File.Exists(path) || DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > Lasts)
            return null;
        try
        {
            using var reader = new StreamReader(RegularFile.Open(path));
            // Two short lines; a longer file is not a lease.
            var start = new char[400];
            var lines = new string(start, 0, reader.ReadBlock(start)).Split('\n');
            return lines[0] is { Length: > 0 } host && host != Environment.MachineName
                ? $"process {lines.ElementAtOrDefault(1)} on {host}"
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The file is locked, so the holder is on a machine that shares locks with this one; or it cannot be read.
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
                // A lease that cannot be renewed expires; fencing then prevents its holder from writing.
            }
    }

    /// <summary>Releases the lease.</summary>
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
