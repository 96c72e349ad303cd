using System.Runtime.InteropServices;
using System.Text;

namespace Ebm.Records;

/// <summary>Whether the path of a folder that a command will use is usable. The answers write nothing, so a plan can ask, too.</summary>
public static class FolderPath
{
    const int LongestName = 255;

    // File systems without files of users. Some of their folders lead to every other folder of the machine.
    static readonly HashSet<string> OfSystem =
    [
        "proc",
        "sysfs",
        "devpts",
        "cgroupfs",
        "cgroup2fs",
        "securityfs",
        "debugfs",
        "configfs",
        "tracefs",
        "bpf",
        "mqueue",
    ];

    /// <summary>Why no folder can have this path, as a sentence; null if one is there or can be made.</summary>
    public static string? Refusal(string path)
    {
        var whole = Path.GetFullPath(path);
        if (whole.Split(Path.DirectorySeparatorChar).FirstOrDefault(name => Encoding.UTF8.GetByteCount(name) > LongestName) is { } name)
            return $"the name {name[..20]}… has more than {LongestName} bytes, the most for a folder; write a shorter one.";
        var there = Existing(whole);
        return Directory.Exists(there)
            ? new DriveInfo(there).DriveFormat is var format && OfSystem.Contains(format)
                ? $"{there} belongs to the system ({format}) and holds no files; name a folder on a disk."
                : null
            : there == whole
                ? "this is not a folder; name a folder."
                : $"{there} is not a folder, so nothing can be below it; name a folder.";
    }

    /// <summary>Why nothing can be written into a folder, which need not exist yet, as a sentence; null if it seems possible.</summary>
    public static string? Unwritable(string path)
    {
        if (Refusal(path) is { } says)
            return says;
        var there = Existing(Path.GetFullPath(path));
        const int write = 2;
        return !OperatingSystem.IsWindows() && Access(there, write) != 0
                ? $"{there} cannot be written ({Marshal.GetLastPInvokeErrorMessage()}); name another folder, or change its permissions."
            : new DriveInfo(there).AvailableFreeSpace < 1 << 16
                ? $"the disk of {there} is full; free some space, or name a folder on another disk."
            : null;
    }

    // The path itself, or the nearest folder or file above it that exists.
    static string Existing(string path)
    {
        while (!Path.Exists(path) && Path.GetDirectoryName(path) is { } above)
            path = above;
        return path;
    }

    [DllImport("libc", EntryPoint = "access", SetLastError = true)]
    static extern int Access([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int mode);
}
