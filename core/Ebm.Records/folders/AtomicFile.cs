using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ebm.Records;

/// <summary>
/// Writes files atomically: under a temporary name, synced to disk, then renamed into place, and the folder synced too. Readers never see a partial
/// file, even after a crash of the machine.
/// </summary>
public static class AtomicFile
{
    static long count;

    /// <summary>A hook called at each step of this thread's writes; laws stop the process there, or let another process continue.</summary>
    [ThreadStatic]
    internal static Action<string>? Reached;

    /// <summary>Writes a file, or replaces it.</summary>
    /// <param name="path">The final path.</param>
    /// <param name="content">Writes the content.</param>
    /// <param name="staging">The folder for the temporary file, on the same disk; null for the file's own folder.</param>
    public static void Write(string path, Action<Stream> content, string? staging = null)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var beside = Path.Combine(
            staging ?? folder,
            string.Create(
                CultureInfo.InvariantCulture,
                $".{Path.GetFileName(path)}.{Environment.ProcessId}-{Interlocked.Increment(ref count)}.new"
            )
        );
        try
        {
            using (var stream = Disk.Create(beside))
            {
                Reached?.Invoke("opened");
                content(stream);
                Reached?.Invoke("written");
                Disk.Sync(stream);
                Reached?.Invoke("on the disk");
            }
            Disk.MoveFile(beside, path);
            Reached?.Invoke("renamed");
        }
        catch
        {
            if (Disk.HasFile(beside))
                Disk.DeleteFile(beside);
            throw;
        }
        Disk.SyncFolder(folder);
        Reached?.Invoke("folder on the disk");
    }

    /// <summary>Writes a file of UTF-8 text without a byte-order mark, or replaces it.</summary>
    public static void Write(string path, string text, string? staging = null) => Write(path, Encoding.UTF8.GetBytes(text), staging);

    public static void Write(string path, byte[] bytes, string? staging = null) => Write(path, stream => stream.Write(bytes), staging);

    /// <summary>Syncs a folder's entries to disk, so that a rename in it survives a power failure.</summary>
    /// <exception cref="IOException">The system call failed.</exception>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return; // NTFS journals renames itself and has no such call
        var handle = Open(folder, 0);
        if (handle < 0)
            throw new IOException($"{folder}: the folder cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}.");
        try
        {
            const int notForFolders = 22; // EINVAL: some network file systems cannot sync a folder, and say so
            if (Sync(handle) != 0 && Marshal.GetLastPInvokeError() != notForFolders)
                throw new IOException($"{folder}: the folder cannot be synced to disk: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>Creates a folder but no parent folders.</summary>
    /// <exception cref="IOException">It exists already, or its parent does not exist.</exception>
    internal static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else if (MakeFolder(path, Convert.ToInt32("777", 8)) != 0)
            throw new IOException($"{path}: the folder cannot be created: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [DllImport("libc", EntryPoint = "mkdir", SetLastError = true)]
    static extern int MakeFolder([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int mode);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    static extern int Sync(int handle);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    static extern int Close(int handle);
}
