using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;

namespace Ebm.Devices;

/// <summary>
/// Loads libtorch and TorchSharp's binding once, from the packages' folders, before the first call. By default, packages copy these files
/// beside every program, which takes 1 GB for each project. The build writes the folders to <c>natives.txt</c> beside this assembly.
/// </summary>
public static class Natives
{
    const string Binding = "libLibTorchSharp.so";
    const string StandardLibrary = "libstdc++.so.6";

    // In the order of their dependencies; the libraries for CUDA exist only with TorchBackend=cuda.
    static readonly string[] Order = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    static readonly Lazy<nint> binding = new(LoadAll);

    /// <summary>Loads the libraries, if they are not loaded.</summary>
    /// <exception cref="DeviceException">A file is missing or cannot be loaded; the message says what to do.</exception>
    public static void Load() => _ = binding.Value;

    /// <summary>The adapted copy of TorchSharp's binding that this process loaded; null if it loaded the package's file.</summary>
    public static NativeCopy? Copy { get; private set; }

    /// <summary>libtorch's version, from the name of its package, without loading it.</summary>
    public static string Version { get; } = Packages(Here).FirstOrDefault().Version ?? "unknown";

    /// <summary>The path of SkiaSharp's library, which decodes pictures. It is loaded from its package's folder, too, when a picture is read.</summary>
    /// <exception cref="DeviceException">The build did not name the folder.</exception>
    public static string Skia => Path.Combine(Folders("skiasharp")[0], "libSkiaSharp.so");

    /// <summary>The folder of NuGet packages that the build restored: &lt;package&gt;/&lt;version&gt;/….</summary>
    /// <exception cref="DeviceException">The build did not name the folder.</exception>
    public static string PackagesFolder => Path.GetFullPath(Path.Combine(Folders("torchsharp")[0], "..", "..", "..", "..", ".."));

    /// <summary>The packages of libtorch, which are missing in lists of assemblies.</summary>
    /// <param name="folder">The folder of a compiled program, with its natives.txt.</param>
    public static IReadOnlyList<(string Name, string Version)> Packages(string folder) =>
        [
            .. Folders("libtorch", folder)
                .Select(native => Path.GetFullPath(Path.Combine(native, "..", "..", "..")))
                .Select(package => (Path.GetFileName(Path.GetDirectoryName(package))!, Path.GetFileName(package))),
        ];

    /// <summary>
    /// After this call, the first call to torch loads the libraries. Every assembly of this project that computes calls it before its own code
    /// runs, and so does a script's `_refs.fsx`. Further calls do nothing.
    /// </summary>
    public static void LoadWhenAsked() => _ = asked.Value;

    static readonly Lazy<bool> asked = new(() =>
    {
        FreedMemory.Keep();
        // cuBLAS repeats its results only with this workspace. Variables that .NET sets do not reach native code, so libc's setenv is called.
        if (!OperatingSystem.IsWindows())
            _ = SetEnv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
        if (AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly) is { } context)
            context.ResolvingUnmanagedDll += (_, name) => name is "torch_cpu" or "torch_cuda" or "LibTorchSharp" ? binding.Value : 0;
        // If torch loaded libtorch by name, the system's loader would prefer one that is installed on the machine.
        if (Foreign() is not null)
            LoadAhead();
        return true;
    });

    /// <summary>
    /// Starts to load the libraries on a thread of their own, if no thread has, and returns as soon as the system's loader has begun with libtorch.
    /// From then on, the loader uses this libtorch for every request by name, and a thread that calls torch waits until it is loaded. The process
    /// does not end before the libraries are loaded, because libtorch's code at exit needs all of them.
    /// </summary>
    public static void LoadAhead() => _ = ahead.Value;

    static readonly Lazy<Thread> ahead = new(() =>
    {
        var loading = new Thread(() =>
        {
            try
            {
                Load();
            }
            catch (DeviceException)
            {
                // Thrown here, the error would end the process. Lazy keeps it, and the next Load throws it.
            }
        })
        {
            IsBackground = true,
        };
        AppDomain.CurrentDomain.ProcessExit += (_, _) => loading.Join();
        loading.Start();
        // The system's loader tells nobody when it has begun.
        while (loading.IsAlive && !IsMapped("libtorch_cpu.so"))
            Thread.Sleep(1);
        return loading;
    });

    static bool IsMapped(string name)
    {
        const string maps = "/proc/self/maps";
        return File.Exists(maps) && File.ReadLines(maps).Any(line => line.EndsWith("/" + name, StringComparison.Ordinal));
    }

    [DllImport("libc", EntryPoint = "setenv")]
    static extern int SetEnv(string name, string value, int overwrite);

    static nint LoadAll()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new DeviceException(
                $"TorchSharp 0.107 is supported on Linux x86-64 only; this is {RuntimeInformation.RuntimeIdentifier}. Use a Linux container."
            );
        var folder = InOneFolder(Folders("libtorch"));
        foreach (var name in Order)
            if (Path.Combine(folder, name) is var path && (File.Exists(path) || !name.Contains("cuda", StringComparison.Ordinal)))
                LoadFile(path);
        return LoadFile(Fitting(Path.Combine(Folders("torchsharp")[0], Binding), Folders("made")[0]));
    }

    static nint LoadFile(string path)
    {
        if (!File.Exists(path))
            throw new DeviceException(
                $"{path} is missing: the package was removed after the build. `dotnet fsi build.fsx build` restores it and builds again."
            );
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException reason)
        {
            throw new DeviceException($"{path} cannot be loaded: {reason.Message.Split('\n')[0]}", reason);
        }
    }

    /// <summary>The path of another libtorch that the system's loader would find by name; null if there is none.</summary>
    static string? Foreign() =>
        (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib64", "/lib64", "/usr/lib"])
            .Select(at => Path.Combine(at, "libtorch_cpu.so"))
            .FirstOrDefault(File.Exists);

    // ── the folders ───────────────────────────────────────────────────────────────────────────

    static string Here => Path.GetDirectoryName(typeof(Natives).Assembly.Location)!;

    /// <summary>The folders in natives.txt: of `libtorch`, of `torchsharp`, and of the files that this program makes (`made`).</summary>
    static IReadOnlyList<string> Folders(string what) => Folders(what, Here);

    static IReadOnlyList<string> Folders(string what, string folder)
    {
        var list = Path.Combine(folder, "natives.txt");
        if (!File.Exists(list))
            throw new DeviceException(
                $"{list}, the list of the native libraries' folders, is missing. `dotnet fsi build.fsx build` writes it."
            );
        return
        [
            .. File.ReadLines(list)
                .Where(line => line.StartsWith(what + " ", StringComparison.Ordinal))
                .Select(line => Path.GetFullPath(line[(what.Length + 1)..])),
        ];
    }

    /// <summary>Makes one folder of links to the files of several. libtorch for CUDA has many packages, and its libraries look for each other in
    /// their own folder.</summary>
    static string InOneFolder(IReadOnlyList<string> folders)
    {
        if (folders is [var only])
            return only;
        if (folders.Count == 0)
            throw new DeviceException(
                "No package of libtorch was restored for TorchBackend=cuda (libtorch-cuda-12.8-linux-x64). Restore TorchSharp-cuda-linux 0.107.0 from a "
                    + "source that has it, or build with TorchBackend=cpu."
            );
        var links = Path.Combine(Folders("made")[0], "libtorch-" + Version);
        Directory.CreateDirectory(links);
        foreach (var file in folders.SelectMany(Directory.GetFiles))
            if (Path.Combine(links, Path.GetFileName(file)) is var link && !File.Exists(link))
                try
                {
                    File.CreateSymbolicLink(link, file);
                }
                catch (IOException) when (File.Exists(link))
                {
                    // Another process has made the link.
                }
        return links;
    }

    // ── a binding that fits this machine's libstdc++ ──────────────────────────────────────────

    // For the SHA-256 of a package's file: a version of libstdc++'s symbols that the file requests and does not use (the only symbol of this
    // version, _ZSt21ios_base_library_initv, has no relocation), and the SHA-256 of the copy in which the request is weak.
    static readonly Dictionary<string, (string Version, string Copy)> Known = new()
    {
        // TorchSharp 0.107.0, linux-x64
        ["cf33b1b0bb6bbb9754a768fb5c5d04d9f498603be50e73f55621a0b40ee608b8"] = (
            "GLIBCXX_3.4.32",
            "5968efac8270eff8a2b5ca7381612ea9cc54d81cf4104a54e0e6106b7b5f11e3"
        ),
    };

    /// <summary>The path of the binding, or of a copy that this machine's loader accepts.</summary>
    /// <param name="original">The package's file, which is not changed.</param>
    /// <param name="made">The folder for the copy.</param>
    static string Fitting(string original, string made)
    {
        if (!File.Exists(original))
            return original;
        var bytes = File.ReadAllBytes(original);
        var lacking = Lacking(SymbolVersions.Needed(bytes, StandardLibrary), Available());
        if (lacking.Count == 0)
            return original;
        var sha256 = Sha256(bytes);
        Known.TryGetValue(sha256, out var known);
        if (!lacking.SequenceEqual([known.Version]))
            throw new DeviceException(TooOld(original, lacking, known.Copy is not null));
        var copy = Path.Combine(made, known.Copy[..12], Binding);
        if (!File.Exists(copy) || Sha256(File.ReadAllBytes(copy)) != known.Copy)
            Write(copy, SymbolVersions.Weakened(bytes, StandardLibrary, known.Version), known.Copy);
        Copy = new NativeCopy(original, sha256, copy, known.Copy, known.Version);
        return copy;
    }

    /// <summary>The needed versions that are not available, without duplicates, in their order.</summary>
    internal static IReadOnlyList<string> Lacking(IEnumerable<string> needed, IReadOnlyList<string> available) =>
        [.. needed.Except(available)];

    internal static string TooOld(string file, IReadOnlyList<string> lacking, bool isKnown) =>
        $"{file} needs {string.Join(" and ", lacking)} of libstdc++, which this machine's libstdc++ does not have"
        + (isKnown ? ". " : ", and this build of the file cannot be adapted. ")
        + "Put a newer libstdc++ on LD_LIBRARY_PATH (GCC 13's, from a module such as gcc/13, or conda-forge's package libstdcxx); or "
        + "use a container, for example .NET's; or use a system with GCC 13's libstdc++ (Debian 13, Ubuntu 24.04, Fedora 38 or later).";

    /// <summary>The versions that the libstdc++ of this process has, which .NET has loaded.</summary>
    static IReadOnlyList<string> Available()
    {
        NativeLibrary.Load(StandardLibrary);
        var path = File.ReadLines("/proc/self/maps")
            .Select(line => line.IndexOf('/') is >= 0 and var at ? line[at..] : "")
            .First(path => Path.GetFileName(path).StartsWith("libstdc++.so", StringComparison.Ordinal));
        return SymbolVersions.Defined(File.ReadAllBytes(path));
    }

    static void Write(string path, byte[] bytes, string sha256)
    {
        if (Sha256(bytes) is var got && got != sha256)
            throw new DeviceException($"The adapted copy for {path} has the SHA-256 {got} instead of {sha256}, so it is not used.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var draft = $"{path}.{Environment.ProcessId}";
        File.WriteAllBytes(draft, bytes);
        File.Move(draft, path, overwrite: true);
    }

    static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>A copy of a package's native file, adapted to this machine.</summary>
/// <param name="Original">The package's file.</param>
/// <param name="Path">The copy.</param>
/// <param name="Version">The version whose request is weak in the copy.</param>
public sealed record NativeCopy(string Original, string OriginalSha256, string Path, string Sha256, string Version);

/// <summary>A library or a device is missing or cannot be loaded. The message says what to do.</summary>
public sealed class DeviceException(string says, Exception? reason = null) : Exception(says, reason);
