using System.Runtime.InteropServices;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The native libraries that compute in this process, as loaded by the system. Read from /proc; without it, the values are absent.
/// </summary>
static class Native
{
    const string Maps = "/proc/self/maps";

    // File names of libraries that compute, and of those that they use for it.
    static readonly string[] Computing =
    [
        "libLibTorchSharp",
        "libtorch",
        "libc10",
        "libmkl",
        "libdnnl",
        "libgomp",
        "libiomp",
        "libcublas",
        "libcudnn",
        "libcudart",
    ];

    /// <summary>The paths of the computing libraries, in ordinal order.</summary>
    public static IReadOnlyList<string> Loaded() =>
        !File.Exists(Maps)
            ? []
            : File.ReadLines(Maps)
                .Select(line => line.IndexOf('/') is >= 0 and var at ? line[at..] : "")
                .Where(path => Computing.Any(name => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal)))
                .Distinct()
                .Where(File.Exists)
                .Order(StringComparer.Ordinal)
                .ToList();

    public static IReadOnlyList<NativeFile> Files(IReadOnlyList<string> loaded) =>
        [.. loaded.Select(path => new NativeFile(AtHome(path), DigestCache.Of(path), new FileInfo(path).Length, Original(path)))];

    static string? Original(string path) => Natives.Copy is { } copy && copy.Path == path ? copy.OriginalSha256 : null;

    // Manifests are published, so they must not contain the user's name.
    static string AtHome(string path)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length > 1 && path.StartsWith(home + "/", StringComparison.Ordinal) ? "~" + path[home.Length..] : path;
    }

    /// <summary>The version of the C library; null if it is not glibc.</summary>
    public static string? LibcVersion
    {
        get
        {
            try
            {
                return Marshal.PtrToStringUTF8(GlibcVersion());
            }
            catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
            {
                return null;
            }
        }
    }

    [DllImport("libc.so.6", EntryPoint = "gnu_get_libc_version")]
    static extern nint GlibcVersion();
}
