using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;

namespace Ebm.Devices;

/// <summary>
/// Loads libtorch and TorchSharp's binding to it once, from the packages' own folders, before anything calls them. Copied beside every
/// program, as packages do it by default, these files are 1 GB for each project. <c>natives.txt</c> beside this assembly, which the build
/// writes, names the folders.
/// </summary>
public static class Natives
{
    const string Binding = "libLibTorchSharp.so";
    const string StandardLibrary = "libstdc++.so.6";

    // In the order in which they need each other; those for CUDA are there with TorchBackend=cuda.
    static readonly string[] Order = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    static readonly Lazy<nint> binding = new(LoadAll);

    /// <summary>Loads the libraries, if that has not been done.</summary>
    /// <exception cref="DeviceException">A file is missing or does not load here; the message says what to do.</exception>
    public static void Load() => _ = binding.Value;

    /// <summary>The copy of TorchSharp's binding that this machine needs; null where the package's own file loads.</summary>
    public static NativeCopy? Copy { get; private set; }

    /// <summary>libtorch's version, which is that of its package: known without loading anything.</summary>
    public static string Version { get; } = Packages(Here).FirstOrDefault().Version ?? "unknown";

    /// <summary>The packages of libtorch, which no list of assemblies names.</summary>
    /// <param name="folder">Of a compiled program: it holds a natives.txt of its own.</param>
    public static IReadOnlyList<(string Name, string Version)> Packages(string folder) =>
        [
            .. Folders("libtorch", folder)
                .Select(native => Path.GetFullPath(Path.Combine(native, "..", "..", "..")))
                .Select(package => (Path.GetFileName(Path.GetDirectoryName(package))!, Path.GetFileName(package))),
        ];

    /// <summary>
    /// From here on the first call to torch loads the libraries. Every assembly of this project that computes calls this before any of its code
    /// runs; a script's `_refs.fsx` calls it too. Calling it again does nothing.
    /// </summary>
    public static void LoadWhenAsked() => _ = asked.Value;

    static readonly Lazy<bool> asked = new(() =>
    {
        // cuBLAS repeats its results only with a workspace of its own. Variables set by .NET do not reach native code; libc's setenv does.
        if (!OperatingSystem.IsWindows())
            _ = SetEnv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
        // By name, the system's loader would find a libtorch of the machine's first.
        if (Foreign() is not null)
            try
            {
                Load();
            }
            catch (DeviceException)
            {
                // Here it would be hidden in a TypeInitializationException. It is kept, and thrown again by the next Load.
            }
        else if (AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly) is { } context)
            context.ResolvingUnmanagedDll += (_, name) => name is "torch_cpu" or "torch_cuda" or "LibTorchSharp" ? binding.Value : 0;
        return true;
    });

    [DllImport("libc", EntryPoint = "setenv")]
    static extern int SetEnv(string name, string value, int overwrite);

    static nint LoadAll()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new DeviceException(
                $"TorchSharp 0.107 is supported on Linux x86-64 only; this is {RuntimeInformation.RuntimeIdentifier}. A Linux container is a way to run it."
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
            throw new DeviceException($"{path} does not load: {reason.Message.Split('\n')[0]}", reason);
        }
    }

    /// <summary>A path under which another libtorch would be found by name; null where there is none.</summary>
    static string? Foreign() =>
        (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib64", "/lib64", "/usr/lib"])
            .Select(at => Path.Combine(at, "libtorch_cpu.so"))
            .FirstOrDefault(File.Exists);

    // ── the folders ───────────────────────────────────────────────────────────────────────────

    static string Here => Path.GetDirectoryName(typeof(Natives).Assembly.Location)!;

    /// <summary>The folders that the build named: of `libtorch`, of `torchsharp`, and where to put what is `made` here.</summary>
    static IReadOnlyList<string> Folders(string what) => Folders(what, Here);

    static IReadOnlyList<string> Folders(string what, string folder)
    {
        var list = Path.Combine(folder, "natives.txt");
        if (!File.Exists(list))
            throw new DeviceException(
                $"{list} is missing; it names the native libraries' folders. `dotnet fsi build.fsx build` writes it."
            );
        return
        [
            .. File.ReadLines(list)
                .Where(line => line.StartsWith(what + " ", StringComparison.Ordinal))
                .Select(line => Path.GetFullPath(line[(what.Length + 1)..])),
        ];
    }

    /// <summary>libtorch for CUDA comes in many packages, and its libraries look for each other in their own folder: one of links is made.</summary>
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
                    // Another process has made it meanwhile.
                }
        return links;
    }

    // ── a binding that fits this machine's libstdc++ ──────────────────────────────────────────

    // By the SHA-256 of the package's file: the one version of libstdc++'s symbols that nothing in it uses, and the SHA-256 of the copy in
    // which the request for it is weak. The version stands for _ZSt21ios_base_library_initv, which no relocation names.
    static readonly Dictionary<string, (string Version, string Copy)> Known = new()
    {
        // TorchSharp 0.107.0, linux-x64
        ["cf33b1b0bb6bbb9754a768fb5c5d04d9f498603be50e73f55621a0b40ee608b8"] = (
            "GLIBCXX_3.4.32",
            "5968efac8270eff8a2b5ca7381612ea9cc54d81cf4104a54e0e6106b7b5f11e3"
        ),
    };

    /// <summary>The binding itself, or a copy of it that the loader takes here.</summary>
    /// <param name="original">The package's file. It is never changed.</param>
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

    /// <summary>What is needed and not available, each once, in the order in which it is needed.</summary>
    internal static IReadOnlyList<string> Lacking(IEnumerable<string> needed, IReadOnlyList<string> available) =>
        [.. needed.Except(available)];

    internal static string TooOld(string file, IReadOnlyList<string> lacking, bool isKnown) =>
        $"{file} needs {string.Join(" and ", lacking)} of libstdc++, which this machine's lacks"
        + (isKnown ? ". " : ", and this build of the file is not one that can be adapted. ")
        + "Ways out: put a newer libstdc++ on LD_LIBRARY_PATH (GCC 13's, from a module such as gcc/13, or conda-forge's package libstdcxx); "
        + "use a container, for example .NET's own; or use a system that has GCC 13's libstdc++ (Debian 13, Ubuntu 24.04, Fedora 38 or later).";

    /// <summary>The versions that the libstdc++ of this process has. .NET itself has loaded it.</summary>
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
            throw new DeviceException($"the copy made for {path} has SHA-256 {got}, where {sha256} was expected; it is not used.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var draft = $"{path}.{Environment.ProcessId}";
        File.WriteAllBytes(draft, bytes);
        File.Move(draft, path, overwrite: true);
    }

    static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <summary>A copy of a package's native file that was adapted to this machine.</summary>
/// <param name="Original">The package's file, and its SHA-256.</param>
/// <param name="Path">The copy, and its SHA-256.</param>
/// <param name="Version">The request that is weak in it.</param>
public sealed record NativeCopy(string Original, string OriginalSha256, string Path, string Sha256, string Version);

/// <summary>What to compute on is not there, or does not load. The message names the ways out.</summary>
public sealed class DeviceException(string says, Exception? reason = null) : Exception(says, reason);
