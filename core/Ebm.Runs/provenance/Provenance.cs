using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The provenance of a run: commit, assemblies, packages, runtime, libtorch, machine, environment. Written into the manifest before the first step.
/// Unknown values are absent, never guessed.
/// </summary>
public static class Provenance
{
    // Only variables that affect the computation, because others may contain secrets.
    static readonly string[] Prefixes = ["OMP_", "MKL_", "DOTNET_", "KMP_"];
    static readonly string[] Names =
    [
        "ATEN_CPU_CAPABILITY",
        "CUBLAS_WORKSPACE_CONFIG",
        "NVIDIA_TF32_OVERRIDE",
        "CUDA_VISIBLE_DEVICES",
        "LANG",
        "LC_ALL",
    ];

    /// <summary>A manifest filled with everything known before the first step.</summary>
    /// <param name="launch">The launch record of the sweep; null for a run started directly.</param>
    /// <param name="threads">The requested number of threads.</param>
    /// <param name="matmul">The requested precision of matrix products.</param>
    /// <param name="root">The root random stream, on the run's device.</param>
    public static RunManifest Of(RunManifest manifest, LaunchRecord? launch, int threads, Matmul matmul, Rng root)
    {
        var environment = Environment
            .GetEnvironmentVariables()
            .Cast<DictionaryEntry>()
            .ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
        var loaded = Native.Loaded();
        var packages = Packages(Path.Combine(AppContext.BaseDirectory, $"{Assembly.GetEntryAssembly()?.GetName().Name}.deps.json"));
        // Each is read back from the library after it was set.
        var flags = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["kernels"] = Word(Machine.IsDeterministic),
            ["threads"] = Word(Machine.Threads == threads),
            ["matmul"] = Word(Machine.Matmul is { } products ? products == matmul : null),
            // A CPU without the requested instructions uses others.
            ["vector-capability"] = Word(
                Machine.Capability is not { } capability
                    ? null
                    : environment.GetValueOrDefault("ATEN_CPU_CAPABILITY") is not { Length: > 0 } asked
                        || string.Equals(asked, capability, StringComparison.OrdinalIgnoreCase)
            ),
            ["full-precision-products"] = Word(cuda.is_available() ? !backends.cuda.matmul.allow_tf32 : null),
            ["full-precision-convolutions"] = Word(cuda.is_available() ? !backends.cudnn.allow_tf32 : null),
        };
        return manifest with
        {
            Argv = Secrets.Here.Masked(Environment.GetCommandLineArgs()),
            Maker = Maker.Here(),
            Script = launch?.Script,
            Streams = Streams.ToDictionary(name => name, name => root.Stream(name).Seed.ToString("x16", CultureInfo.InvariantCulture)),
            Git = launch?.Git ?? Git(),
            Build = Build() with { Tree = launch?.Git?.Snapshot?.Tree },
            Runtime = new RuntimeState(
                Environment.Version.ToString(),
                RuntimeInformation.OSDescription,
                Environment.OSVersion.VersionString,
                CultureInfo.CurrentCulture.Name,
                Native.LibcVersion,
                GCSettings.IsServerGC,
                IsInvariant,
                TieredPgo(environment)
            ),
            Packages = packages,
            PackageHashes = packages is null ? null : PackageHashes(packages),
            Native = new NativeState(
                Natives.Version,
                Machine.TorchBuild,
                Machine.Blas,
                Machine.Capability,
                Vectors.Lanes,
                Native.Files(loaded)
            ),
            Hardware = Hardware.Of("/"),
            Device = root.Device.ToString(),
            Threads = new ThreadCounts(Machine.Threads, get_num_interop_threads()),
            Ranks = Ranks.Here is { Library: { } library } ranks ? new RanksState(ranks.Count, library) : null,
            Scheduler = Scheduler.Of(environment),
            Environment = Allowed(environment),
            Determinism = flags,
            // D3 is always requested: Execution requests repeatable kernels, and every stream follows from the seed.
            DeterminismLevel = new DeterminismLevel("D3", flags["kernels"] == Effective && flags["threads"] == Effective ? "D3" : "D1"),
        };
    }

    const string Effective = "effective";

    // The named streams of a run: see the callers of Stream in Execution.
    static readonly string[] Streams = ["data", "init", "batches", "training", "measure", "samples"];

    static string Word(bool? isSo) =>
        isSo switch
        {
            true => Effective,
            false => "requested",
            null => "unavailable",
        };

    // Invariant mode has no other cultures.
    static bool IsInvariant
    {
        get
        {
            try
            {
                return new CultureInfo("tr-TR").TextInfo.ToUpper('i') == 'I';
            }
            catch (CultureNotFoundException)
            {
                return true;
            }
        }
    }

    static bool? TieredPgo(IReadOnlyDictionary<string, string> environment) =>
        environment.GetValueOrDefault("DOTNET_TieredPGO") is { } said ? said != "0"
        : AppContext.TryGetSwitch("System.Runtime.TieredPGO", out var isOn) ? isOn
        : null;

    /// <summary>The hash that NuGet stored for each package when it was unpacked; missing packages are absent.</summary>
    static Dictionary<string, string> PackageHashes(Dictionary<string, string> packages)
    {
        var root = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var hashes = new Dictionary<string, string>();
        foreach (var (name, version) in packages)
        {
            var file = Path.Combine(root, name.ToLowerInvariant(), version.ToLowerInvariant(), ".nupkg.metadata");
            if (!File.Exists(file))
                continue;
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            if (json.RootElement.TryGetProperty("contentHash", out var hash) && hash.GetString() is { } text)
                hashes[name] = text;
        }
        return hashes;
    }

    /// <summary>Begins the measurement of <see cref="PeakMemory"/> anew, because a process may execute several runs. Without Linux's /proc, the peak
    /// stays that of the whole process.</summary>
    public static void ForgetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No such file, or a container that forbids writing it.
        }
    }

    /// <summary>The peak memory of this process since <see cref="ForgetPeak"/>, in bytes.</summary>
    public static long PeakMemory
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    static GitState? Git() =>
        Ask("rev-parse", "HEAD") is { } commit
            ? new GitState(
                commit,
                Ask("rev-parse", "--abbrev-ref", "HEAD"),
                Ask("status", "--porcelain", "--untracked-files=no") is { Length: > 0 },
                Ask("describe", "--tags", "--always")
            )
            : null;

    /// <summary>git's answer for the folder of these assemblies; null without git or a repository.</summary>
    static string? Ask(params string[] arguments)
    {
        var start = new ProcessStartInfo("git", ["-C", Path.GetDirectoryName(typeof(Provenance).Assembly.Location)!, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var git = Process.Start(start)!;
            var answer = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? Secrets.Here.Masked(answer) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // a machine without git
        }
    }

    static BuildState Build()
    {
        var own = typeof(Provenance).Assembly;
        return new BuildState(
            own.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "unknown",
            own.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            Ours().ToDictionary(a => a.GetName().Name!, a => Canonical.Sha256OfFile(a.Location)),
            // The program that starts a run does not affect its result.
            Ours().Where(a => a != Assembly.GetEntryAssembly()).ToDictionary(a => a.GetName().Name!, a => CodeHash.Of(a.Location)),
            own.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(said => said.Key == "Sdk")?.Value,
            Compiled.By(own.Location),
            Ours().All(a => Compiled.IsDeterministic(a.Location))
        );
    }

    static IEnumerable<Assembly> Ours() =>
        AppDomain
            .CurrentDomain.GetAssemblies()
            .Where(a => !a.IsDynamic && a.Location != "" && IsOurs(a))
            .OrderBy(a => a.GetName().Name, StringComparer.Ordinal)
            .DistinctBy(a => a.GetName().Name);

    // The project's assemblies and additional ones: all that refer to Ebm.Core.
    static bool IsOurs(Assembly assembly) =>
        assembly.GetName().Name!.StartsWith("Ebm.", StringComparison.Ordinal)
        || assembly.GetReferencedAssemblies().Any(r => r.Name == typeof(Method).Assembly.GetName().Name);

    /// <summary>Packages from the list of dependencies that the compiler writes beside a program; null for a script, which has none.</summary>
    internal static Dictionary<string, string>? Packages(string file)
    {
        if (!File.Exists(file))
            return null;
        using var json = JsonDocument.Parse(File.ReadAllBytes(file));
        return json
            .RootElement.GetProperty("libraries")
            .EnumerateObject()
            .Where(l => l.Value.GetProperty("type").GetString() == "package")
            .Select(l => l.Name.Split('/'))
            .Select(l => (Name: l[0], Version: l[1]))
            .Concat(Natives.Packages(Path.GetDirectoryName(file)!))
            .DistinctBy(l => l.Name)
            .OrderBy(l => l.Name, StringComparer.Ordinal)
            .ToDictionary(l => l.Name, l => l.Version);
    }

    /// <summary>The environment variables that affect the computation, without those that look like secrets.</summary>
    public static IReadOnlyDictionary<string, string> Allowed(IReadOnlyDictionary<string, string> environment) =>
        new SortedDictionary<string, string>(
            environment
                .Where(e => Names.Contains(e.Key) || Prefixes.Any(p => e.Key.StartsWith(p, StringComparison.Ordinal)))
                .Where(e => !Secrets.Here.IsSecret(e.Key, e.Value))
                .ToDictionary(e => e.Key, e => e.Value),
            StringComparer.Ordinal
        );
}
