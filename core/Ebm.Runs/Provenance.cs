using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Where a run comes from: commit, assemblies, packages, runtime, libtorch, machine, environment. Written into the manifest before
/// the first step. What cannot be found out is absent, never guessed.
/// </summary>
public static class Provenance
{
    // Only what changes what is computed: an environment may hold secrets.
    static readonly string[] Prefixes = ["OMP_", "MKL_", "OPENBLAS_", "DOTNET_", "KMP_", "SLURM_JOB", "SLURM_ARRAY"];
    static readonly string[] Names = ["CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL"];

    /// <summary>A manifest filled with everything known before the first step.</summary>
    public static RunManifest Of(RunManifest manifest) =>
        manifest with
        {
            Argv = Environment.GetCommandLineArgs(),
            Git = Git(),
            Build = Build(),
            Runtime = new RuntimeState(
                Environment.Version.ToString(),
                RuntimeInformation.OSDescription,
                Environment.OSVersion.VersionString,
                CultureInfo.CurrentCulture.Name
            ),
            Packages = Packages(Path.Combine(AppContext.BaseDirectory, $"{Assembly.GetEntryAssembly()?.GetName().Name}.deps.json")),
            Native = new NativeState(Machine.TorchVersion, Machine.TorchBuild, Machine.BlasCore),
            Hardware = new HardwareState(Cpu(), Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
            Threads = new ThreadCounts(Machine.Threads),
            Environment = Environs(),
            Determinism = new Dictionary<string, string>
            {
                ["kernels"] = Machine.IsDeterministic switch
                {
                    true => "effective",
                    false => "requested",
                    null => "unavailable",
                },
            },
        };

    /// <summary>The most memory this process has held, in bytes.</summary>
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
                Ask("status", "--porcelain", "--untracked-files=no") is { Length: > 0 }
            )
            : null;

    /// <summary>What git answers about the folder of these assemblies; null where there is no git, or no repository.</summary>
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
            return git.ExitCode == 0 ? answer : null;
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
            // The program that starts a run decides nothing about its result.
            Ours().Where(a => a != Assembly.GetEntryAssembly()).ToDictionary(a => a.GetName().Name!, a => CodeHash.Of(a.Location))
        );
    }

    static IEnumerable<Assembly> Ours() =>
        AppDomain
            .CurrentDomain.GetAssemblies()
            .Where(a => !a.IsDynamic && a.Location != "" && IsOurs(a))
            .OrderBy(a => a.GetName().Name, StringComparer.Ordinal)
            .DistinctBy(a => a.GetName().Name);

    // Ours, or a lab's own: whatever refers to the core's contracts.
    static bool IsOurs(Assembly assembly) =>
        assembly.GetName().Name!.StartsWith("Ebm.", StringComparison.Ordinal)
        || assembly.GetReferencedAssemblies().Any(r => r.Name == typeof(Method).Assembly.GetName().Name);

    /// <summary>From the list of dependencies that the compiler writes beside a program; null for a script, which has none.</summary>
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
            .OrderBy(l => l[0], StringComparer.Ordinal)
            .ToDictionary(l => l[0], l => l[1]);
    }

    static string Cpu()
    {
        const string list = "/proc/cpuinfo";
        var model = File.Exists(list)
            ? File.ReadLines(list).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return model?[(model.IndexOf(':') + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    static SortedDictionary<string, string> Environs() =>
        new(
            Environment
                .GetEnvironmentVariables()
                .Cast<DictionaryEntry>()
                .Select(e => (Name: (string)e.Key, Value: (string?)e.Value ?? ""))
                .Where(e => Names.Contains(e.Name) || Prefixes.Any(p => e.Name.StartsWith(p, StringComparison.Ordinal)))
                .ToDictionary(e => e.Name, e => e.Value),
            StringComparer.Ordinal
        );
}
