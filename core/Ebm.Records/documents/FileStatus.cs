using System.Runtime.InteropServices;

namespace Ebm.Records;

/// <summary>The kinds of files that Linux knows; the values are those of its file modes.</summary>
enum FileKind
{
    Pipe = 0x1,
    Device = 0x2,
    Folder = 0x4,
    BlockDevice = 0x6,
    Regular = 0x8,
    Socket = 0xC,
}

/// <summary>What Linux records of a file, or of the file that a link leads to.</summary>
/// <param name="Kind">Regular file, folder, pipe, …</param>
/// <param name="Disk">The device that contains it; together with the inode, it identifies the file.</param>
/// <param name="Inode">Its number on that device.</param>
/// <param name="Changed">The change time (ctime), UTC.</param>
readonly record struct FileStatus(FileKind Kind, (uint Major, uint Minor) Disk, ulong Inode, DateTime Changed)
{
    /// <summary>The status of a file; null if it is missing, cannot be reached, or if the system does not provide it.</summary>
    internal static FileStatus? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        // The kernel's layout, the same on every architecture (linux/stat.h).
        const int here = -100,
            kindInodeAndChange = 0x181,
            mode = 28,
            inode = 32,
            change = 96,
            disk = 136;
        var answer = new byte[256];
        try
        {
            if (
                Statx(here, path, 0, kindInodeAndChange, answer) != 0
                || (BitConverter.ToUInt32(answer) & kindInodeAndChange) != kindInodeAndChange
            )
                return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a C library from before 2018
        }
        var ticks = BitConverter.ToInt64(answer, change) * TimeSpan.TicksPerSecond + BitConverter.ToUInt32(answer, change + 8) / 100;
        return new(
            (FileKind)(BitConverter.ToUInt16(answer, mode) >> 12),
            (BitConverter.ToUInt32(answer, disk), BitConverter.ToUInt32(answer, disk + 4)),
            BitConverter.ToUInt64(answer, inode),
            DateTime.UnixEpoch.AddTicks(ticks)
        );
    }

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    static extern int Statx(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, byte[] answer);
}
