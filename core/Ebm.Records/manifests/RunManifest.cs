using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// <c>manifest.json</c>: what a run is, where it came from, how it ended. Written first with the state "running", completed and renamed into place last.
/// What could not be found out is null, and absent from the file.
/// </summary>
public sealed partial record RunManifest : Extensible
{
    public required RunState State { get; init; }

    /// <summary>Training steps finished.</summary>
    public long Step { get; init; }

    /// <summary>Why it ended as it did, a sentence; null for a completed run.</summary>
    public string? Reason { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The signal's number, when one ended the process.</summary>
    public int? Signal { get; init; }

    public required string RunId { get; init; }

    /// <summary>The identity without the seed: runs of one group are the same experiment.</summary>
    public required string GroupId { get; init; }

    public required string SweepId { get; init; }

    /// <summary>Counted from 1.</summary>
    public int Attempt { get; init; } = 1;

    public long Seed { get; init; }

    /// <summary>The checkpoint that this attempt went on from; null where it began at step 0.</summary>
    public ParentState? Parent { get; init; }

    /// <summary>What this result needed beyond being started, over all attempts that it rests on; null in what was written before this was known.</summary>
    public IReadOnlyList<Intervention>? Interventions { get; init; }

    /// <summary>SHA-256 of <c>config.json</c>: its first 12 digits end the run's id.</summary>
    public required string ConfigSha256 { get; init; }

    /// <summary>The version of this layout.</summary>
    public int Schema { get; init; } = 1;

    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>By whom and on what it was made; null in what was written before this was known.</summary>
    public MakerState? Maker { get; init; }

    /// <summary>The overrides as they were typed.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Where each value of the config was written, by its path; what stands in no list is a default.</summary>
    public IReadOnlyDictionary<string, string>? Origins { get; init; }

    /// <summary>The option that each config group contributed.</summary>
    public IReadOnlyDictionary<string, string>? Choices { get; init; }

    /// <summary>The script that declared the sweep; null where the runner was started by itself.</summary>
    public ScriptState? Script { get; init; }

    /// <summary>What every named stream of randomness begins with, 16 hexadecimal digits: each is a function of the run's seed and its name alone.</summary>
    public IReadOnlyDictionary<string, string>? Streams { get; init; }

    public GitState? Git { get; init; }

    public BuildState? Build { get; init; }

    public RuntimeState? Runtime { get; init; }

    /// <summary>Package names and versions.</summary>
    public IReadOnlyDictionary<string, string>? Packages { get; init; }

    /// <summary>The content hash that each package came with, by its name.</summary>
    public IReadOnlyDictionary<string, string>? PackageHashes { get; init; }

    public NativeState? Native { get; init; }

    public HardwareState? Hardware { get; init; }

    /// <summary>What it computed on: cpu, or cuda:0.</summary>
    public string? Device { get; init; }

    public ThreadCounts? Threads { get; init; }

    /// <summary>The scheduler that ran it; null where there was none.</summary>
    public SchedulerState? Scheduler { get; init; }

    /// <summary>The variables that change what is computed (OMP_*, MKL_*, DOTNET_*, …), and no others.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>How far the run was to repeat itself, and how far its switches let it.</summary>
    public DeterminismLevel? DeterminismLevel { get; init; }

    /// <summary>Each determinism switch as it was read back: requested (and not in force), effective, or unavailable.</summary>
    public IReadOnlyDictionary<string, string>? Determinism { get; init; }

    public IReadOnlyList<DataState> Data { get; init; } = [];

    public Timing? Timing { get; init; }

    public Peak? Peak { get; init; }

    public Spent? Cost { get; init; }

    public IReadOnlyList<Artefact> Artefacts { get; init; } = [];

    /// <summary>The hash of the last attempt's manifest before this one; null for the first.</summary>
    public string? PrevHash { get; init; }

    /// <summary>SHA-256 of this file's text with nothing between the quotes of this value: the seal. Null in what was written before there were seals.</summary>
    public string? Hash { get; init; }

    /// <summary>The same run with its end written in.</summary>
    public RunManifest Ended(RunState state, long step, string? reason = null, int? exitCode = null, int? signal = null) =>
        this with
        {
            State = state,
            Step = step,
            Reason = reason,
            ExitCode = exitCode,
            Signal = signal,
        };

    /// <summary>The same with its own hash.</summary>
    public RunManifest Sealed() => this with { Hash = Canonical.Sha256((this with { Hash = "" }).ToJson()) };

    /// <summary>Whether a manifest's text is the one that was sealed; null where it has no seal.</summary>
    public static bool? IsSealed(string json) =>
        Seal().Match(json) is { Success: true } seal
            ? Canonical.Sha256(json.Remove(seal.Groups[1].Index, seal.Groups[1].Length)) == seal.Groups[1].Value
            : null;

    // At the top level: strings hold no line breaks, and what lies deeper stands further in.
    [GeneratedRegex(@"^  ""hash"": ""([^""]*)""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Seal();

    /// <summary>Indented JSON with a line break at its end.</summary>
    public string ToJson() => JsonText.FileOf(this);

    /// <param name="json">The text of a manifest.</param>
    /// <param name="file">The file that errors name.</param>
    /// <exception cref="InvalidDataException">The text is not a manifest; the sentence names the file.</exception>
    public static RunManifest Parse(string json, string file) => JsonText.Read<RunManifest>(json, file);
}
