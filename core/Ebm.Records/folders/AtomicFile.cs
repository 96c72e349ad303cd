using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ebm.Records;

/// <summary>
/// A file is there whole or not at all: written under another name, brought to the disk, then renamed into place, and the folder brought to the disk
/// as well. A reader never sees half of it, whenever the machine stops.
/// </summary>
public static class AtomicFile
{
    static long count;

    /// <summary>Told of each step that a write of this thread comes to: a law stops the process there, or lets another one go ahead.</summary>
    [ThreadStatic]
    internal static Action<string>? Reached;

    /// <summary>Writes a file, or replaces it.</summary>
    /// <param name="path">Where it will lie.</param>
    /// <param name="content">Writes what it will hold.</param>
    /// <param name="staging">The folder in which it lies until it is whole, on the same disk; null is the file's own.</param>
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
            using (var stream = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                Reached?.Invoke("opened");
                content(stream);
                Reached?.Invoke("written");
                stream.Flush(flushToDisk: true);
                Reached?.Invoke("on the disk");
            }
            File.Move(beside, path, overwrite: true);
            Reached?.Invoke("renamed");
        }
        catch
        {
            if (File.Exists(beside))
                File.Delete(beside);
            throw;
        }
        SyncFolder(folder);
        Reached?.Invoke("folder on the disk");
    }

    /// <summary>Writes a file of UTF-8 text without a byte-order mark, or replaces it.</summary>
    public static void Write(string path, string text, string? staging = null) => Write(path, Encoding.UTF8.GetBytes(text), staging);

    public static void Write(string path, byte[] bytes, string? staging = null) => Write(path, stream => stream.Write(bytes), staging);

    /// <summary>Brings a folder's list of names to the disk, so that a rename in it outlives a power cut.</summary>
    /// <exception cref="IOException">The system could not.</exception>
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
                throw new IOException($"{folder}: the folder cannot be brought to the disk: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>Makes a folder, and none above it.</summary>
    /// <exception cref="IOException">It is there already, or the folder above is not.</exception>
    internal static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else if (MakeFolder(path, Convert.ToInt32("777", 8)) != 0)
            throw new IOException($"{path}: the folder cannot be made: {Marshal.GetLastPInvokeErrorMessage()}.");
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
