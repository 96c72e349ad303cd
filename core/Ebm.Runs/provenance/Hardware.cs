using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The machine's CPU, memory, cores and GPUs, from Linux's /proc and /sys. Values without such a file are absent, never guessed.
/// </summary>
public static partial class Hardware
{
    // The instruction sets by which libtorch, oneDNN and MKL choose kernels.
    static readonly string[] Deciding =
    [
        "sse4_2",
        "avx",
        "f16c",
        "fma",
        "avx2",
        "avx512f",
        "avx512dq",
        "avx512bw",
        "avx512vl",
        "avx512_vnni",
        "avx512_bf16",
        "amx_bf16",
        "asimd",
        "sve",
    ];

    /// <param name="root">The root of the file system; laws use another folder.</param>
    public static HardwareState Of(string root)
    {
        var cpu = Fields(Path.Combine(root, "proc", "cpuinfo"));
        var memory = Fields(Path.Combine(root, "proc", "meminfo")).GetValueOrDefault("MemTotal");
        var features = cpu.GetValueOrDefault("flags") ?? cpu.GetValueOrDefault("Features");
        return new HardwareState(
            cpu.GetValueOrDefault("model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            features is null ? null : [.. Deciding.Intersect(features.Split(' '))],
            Fields(Path.Combine(root, "proc", "self", "status")).GetValueOrDefault("Cpus_allowed_list"),
            memory is null ? null : Kilobytes(memory),
            NumaNodes(Path.Combine(root, "sys", "devices", "system", "node")),
            Accelerators(Path.Combine(root, "proc", "driver", "nvidia"))
        );
    }

    /// <summary>Reads lines "name : value"; the first of several with the same name counts.</summary>
    static Dictionary<string, string> Fields(string file)
    {
        var fields = new Dictionary<string, string>();
        if (File.Exists(file))
            foreach (var line in File.ReadLines(file))
                if (line.IndexOf(':') is > 0 and var colon)
                    fields.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
        return fields;
    }

    static long? Kilobytes(string text) =>
        long.TryParse(text.Split(' ')[0], CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes << 10 : null;

    static int? NumaNodes(string folder) =>
        Directory.Exists(folder) ? Directory.GetDirectories(folder).Count(node => Node().IsMatch(Path.GetFileName(node))) : null;

    [GeneratedRegex(@"^node\d+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Node();

    // ── GPUs ──────────────────────────────────────────────────────────────────────────────────

    static List<AcceleratorState>? Accelerators(string driver)
    {
        var folder = Path.Combine(driver, "gpus");
        if (!Directory.Exists(folder))
            return null;
        var version = Path.Combine(driver, "version");
        var module = File.Exists(version) && Version().Match(File.ReadAllText(version)) is { Success: true } found ? found.Value : null;
        // nvidia-smi describes the real machine only, not a folder of a law.
        var told = driver == "/proc/driver/nvidia" ? Told() : [];
        var cards = Directory
            .GetDirectories(folder)
            .Order(StringComparer.Ordinal)
            .Select(gpu => Fields(Path.Combine(gpu, "information")))
            .Select(card => (Name: card.GetValueOrDefault("Model") ?? "unknown", Uuid: card.GetValueOrDefault("GPU UUID") ?? ""))
            .Select(card => (card.Name, card.Uuid, Told: told.GetValueOrDefault(card.Uuid)))
            .Select(card => new AcceleratorState(
                card.Name,
                card.Uuid == "" ? null : Canonical.Sha256(card.Uuid)[..12],
                module,
                card.Told.Memory,
                card.Told.Mig
            ))
            .ToList();
        return cards.Count == 0 ? null : cards;
    }

    [GeneratedRegex(@"\d+\.\d+(\.\d+)?", RegexOptions.CultureInvariant)]
    private static partial Regex Version();

    /// <summary>Memory in bytes and MIG mode of each card, by UUID, which /proc lacks. Empty if nvidia-smi is missing.</summary>
    static Dictionary<string, (long? Memory, string? Mig)> Told()
    {
        try
        {
            var start = new ProcessStartInfo(
                "nvidia-smi",
                ["--query-gpu=uuid,memory.total,mig.mode.current", "--format=csv,noheader,nounits"]
            )
            {
                RedirectStandardOutput = true,
            };
            using var asked = Process.Start(start)!;
            var said = asked.StandardOutput.ReadToEnd();
            asked.WaitForExit();
            return Told(asked.ExitCode == 0 ? said : "");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return []; // a driver without its programs
        }
    }

    /// <param name="said">One line per card: its UUID, mebibytes, and the MIG mode or [N/A].</param>
    public static Dictionary<string, (long? Memory, string? Mig)> Told(string said) =>
        said.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(',', StringSplitOptions.TrimEntries))
            .Where(words => words.Length == 3)
            .ToDictionary(
                words => words[0],
                words =>
                    (
                        long.TryParse(words[1], CultureInfo.InvariantCulture, out var mebibytes) ? mebibytes << 20 : (long?)null,
                        words[2].StartsWith('[') ? null : words[2]
                    )
            );
}
