using System.Text;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>Whether a manifest matches the hash over its own text.</summary>
public enum Seal
{
    /// <summary>It has no hash.</summary>
    Absent,

    /// <summary>It was changed after it was written.</summary>
    Broken,

    Holds,
}

/// <summary>
/// <c>manifest.json</c>: the identity, origin and end of a run. It is written first with the state "running", and replaced atomically at the end.
/// Unknown values are null, and absent from the file.
/// </summary>
public sealed partial record RunManifest : Extensible
{
    public required RunState State { get; init; }

    /// <summary>Training steps finished.</summary>
    public long Step { get; init; }

    /// <summary>Why the run ended as it did, a sentence; null for a completed run.</summary>
    public string? Reason { get; init; }

    public int? ExitCode { get; init; }

    /// <summary>The number of the signal that ended the process, if one did.</summary>
    public int? Signal { get; init; }

    public required string RunId { get; init; }

    /// <summary>The identity without the seed: runs of one group are the same experiment.</summary>
    public required string GroupId { get; init; }

    public required string SweepId { get; init; }

    /// <summary>Counted from 1.</summary>
    public int Attempt { get; init; } = 1;

    public long Seed { get; init; }

    /// <summary>The checkpoint that this attempt resumed from; null if it started at step 0.</summary>
    public ParentState? Parent { get; init; }

    /// <summary>SHA-256 of the settings that decide the training; null in manifests without this field.</summary>
    public string? TrainingSha256 { get; init; }

    /// <summary>The checkpoint of another run, with the same training, from which this one took its weights and its records of training; null if
    /// it trained itself.</summary>
    public ParentState? TrainedBy { get; init; }

    /// <summary>The interventions in all attempts behind this result; null in manifests without this field.</summary>
    public IReadOnlyList<Intervention>? Interventions { get; init; }

    /// <summary>SHA-256 of <c>config.json</c>: its first 12 digits end the run's id.</summary>
    public required string ConfigSha256 { get; init; }

    /// <summary>The version of this layout.</summary>
    public int Schema { get; init; } = 1;

    public IReadOnlyList<string> Argv { get; init; } = [];

    /// <summary>The user and machine that made it; null in manifests without this field.</summary>
    public MakerState? Maker { get; init; }

    /// <summary>The overrides as typed.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Where an imported run comes from; null for a run that was executed.</summary>
    public Imported? Imported { get; init; }

    /// <summary>Where each value of the config was written, by path; values not listed are defaults.</summary>
    public IReadOnlyDictionary<string, string>? Origins { get; init; }

    /// <summary>The option chosen for each config group.</summary>
    public IReadOnlyDictionary<string, string>? Choices { get; init; }

    /// <summary>The script that declared the sweep; null if the runner was started directly.</summary>
    public ScriptState? Script { get; init; }

    /// <summary>The seed of each named random stream, 16 hexadecimal digits; it depends only on the run's seed and the name.</summary>
    public IReadOnlyDictionary<string, string>? Streams { get; init; }

    public GitState? Git { get; init; }

    public BuildState? Build { get; init; }

    public RuntimeState? Runtime { get; init; }

    /// <summary>Package names and versions.</summary>
    public IReadOnlyDictionary<string, string>? Packages { get; init; }

    /// <summary>The content hash of each package, by name.</summary>
    public IReadOnlyDictionary<string, string>? PackageHashes { get; init; }

    public NativeState? Native { get; init; }

    public HardwareState? Hardware { get; init; }

    /// <summary>The device: cpu, or cuda:0.</summary>
    public string? Device { get; init; }

    public ThreadCounts? Threads { get; init; }

    /// <summary>The processes that train together; null for one.</summary>
    public RanksState? Ranks { get; init; }

    /// <summary>The scheduler; null without one.</summary>
    public SchedulerState? Scheduler { get; init; }

    /// <summary>Only the environment variables that affect the computation (OMP_*, MKL_*, DOTNET_*, …).</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>The determinism level that was requested, and the one that the switches allow.</summary>
    public DeterminismLevel? DeterminismLevel { get; init; }

    /// <summary>Each determinism switch as read back: requested (but not in force), effective, or unavailable.</summary>
    public IReadOnlyDictionary<string, string>? Determinism { get; init; }

    public IReadOnlyList<DataState> Data { get; init; } = [];

    public Timing? Timing { get; init; }

    public Peak? Peak { get; init; }

    public Spent? Cost { get; init; }

    public IReadOnlyList<Artefact> Artefacts { get; init; } = [];

    /// <summary>The hash of the previous attempt's manifest; null for the first attempt.</summary>
    public string? PrevHash { get; init; }

    /// <summary>The hash of this attempt's manifest from before the run was measured again; null if it was not.</summary>
    public string? Replaces { get; init; }

    /// <summary>The seal: SHA-256 of this file's text with an empty value here. Null in manifests without a seal.</summary>
    public string? Hash { get; init; }

    /// <summary>The same manifest with the end of the run.</summary>
    public RunManifest Ended(RunState state, long step, string? reason = null, int? exitCode = null, int? signal = null) =>
        this with
        {
            State = state,
            Step = step,
            // A reason is usually an exception's message, which may quote anything.
            Reason = reason is null ? null : Secrets.Here.Masked(reason),
            ExitCode = exitCode,
            Signal = signal,
        };

    /// <summary>The same with its own hash.</summary>
    public RunManifest Sealed() => this with { Hash = Canonical.Sha256((this with { Hash = "" }).ToJson()) };

    /// <summary>Whether a manifest's text matches its seal; null if it has none.</summary>
    public static bool? IsSealed(string json)
    {
        if (SealLine().Matches(json) is not [var seal, ..] all)
            return null;
        var hash = seal.Groups[1];
        return all.Count == 1 && Canonical.Sha256(json.Remove(hash.Index, hash.Length)) == hash.Value;
    }

    // The top-level key only: strings contain no line breaks, and deeper levels have more indentation.
    [GeneratedRegex(@"^  ""hash"": ""([^""]*)""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex SealLine();

    /// <summary>Reads a manifest, and checks the seal of the same bytes.</summary>
    /// <exception cref="InvalidDataException">The file is not a valid manifest; the message names it.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static (RunManifest Manifest, Seal Seal) Read(string path)
    {
        var bytes = RegularFile.Bytes(path, RegularFile.Record);
        var text = Encoding.UTF8.GetString(bytes);
        var manifest = Parse(text, path);
        var seal = IsSealed(text) switch
        {
            // The value that was checked is the one that readers get, and the bytes are those that were written.
            true
                when SealLine().Match(text).Groups[1].Value == manifest.Hash
                    && Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(bytes) => Seal.Holds,
            null when manifest.Hash is null => Seal.Absent,
            _ => Seal.Broken,
        };
        return (manifest, seal);
    }

    /// <summary>Indented JSON with a line break at its end.</summary>
    public string ToJson() => JsonText.FileOf(this);

    /// <param name="json">The text of a manifest.</param>
    /// <param name="file">The file name shown in errors.</param>
    /// <exception cref="InvalidDataException">The text is not a valid manifest; the message names the file.</exception>
    public static RunManifest Parse(string json, string file) => JsonText.Read<RunManifest>(json, file);
}
