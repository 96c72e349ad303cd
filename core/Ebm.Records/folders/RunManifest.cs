using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// <c>manifest.json</c>: what a run is, where it came from, how it ended. Written first with the state "running", completed and renamed into place last.
/// Fields that this version does not know are kept when a manifest is read and written again. What could not be found out is null, and absent from the file.
/// </summary>
public sealed partial record RunManifest
{
    /// <summary>One of <see cref="RunState"/>.</summary>
    public required string State { get; init; }

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

    /// <summary>What a newer version wrote.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }

    /// <summary>The same run with its end written in.</summary>
    public RunManifest Ended(string state, long step, string? reason = null, int? exitCode = null, int? signal = null) =>
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
    public string ToJson() => JsonSerializer.Serialize(this, Json.Readable) + "\n";

    /// <param name="json">The text of a manifest.</param>
    /// <param name="file">The file that errors name.</param>
    /// <exception cref="InvalidDataException">The text is not a manifest; the sentence names the file.</exception>
    public static RunManifest Parse(string json, string file) => Json.Read<RunManifest>(json, file);
}

/// <summary>The commit a run was started from.</summary>
/// <param name="Dirty">Files differed from the commit.</param>
/// <param name="Describe">The nearest tag, and how far from it.</param>
/// <param name="Remote">Where it came from, without credentials; null for a folder of this machine.</param>
/// <param name="Snapshot">The sources as they were at launch, what was not committed too.</param>
/// <param name="Submodules">The commit that each is at, by its path; null without any.</param>
public sealed record GitState(
    string Commit,
    string? Branch = null,
    bool Dirty = false,
    string? Describe = null,
    string? Remote = null,
    SnapshotState? Snapshot = null,
    IReadOnlyDictionary<string, string>? Submodules = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The sources of a launch as a commit of its own, which no branch has.</summary>
/// <param name="Tree">Its content's hash: two launches of one tree share one snapshot.</param>
/// <param name="Ref">What keeps it from being collected.</param>
/// <param name="Refused">Files that were left out, each with the reason.</param>
public sealed record SnapshotState(string Commit, string Tree, string Ref, IReadOnlyList<string>? Refused = null)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The script that declared a sweep.</summary>
/// <param name="Path">Relative to the repository, or the file's name alone.</param>
public sealed record ScriptState(string Path, string Sha256)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The program that ran.</summary>
/// <param name="Configuration">Release or Debug.</param>
/// <param name="Version">The project's version.</param>
/// <param name="Assemblies">SHA-256 of each assembly of the project, by its name.</param>
/// <param name="Code">What each of them computes, as a hash that comments and line numbers do not change.</param>
/// <param name="Sdk">The version of the .NET SDK that built them, as the build wrote it into them.</param>
/// <param name="Compiler">The compiler's own version, from its debug information.</param>
/// <param name="Deterministic">Whether the same sources give each of them byte for byte: what their headers say.</param>
/// <param name="Tree">The hash of the sources that the launch built, as git has it; null for a run by itself.</param>
public sealed record BuildState(
    string Configuration,
    string Version,
    IReadOnlyDictionary<string, string>? Assemblies = null,
    IReadOnlyDictionary<string, string>? Code = null,
    string? Sdk = null,
    string? Compiler = null,
    bool? Deterministic = null,
    string? Tree = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The runtime and the system under it.</summary>
/// <param name="Libc">The C library's version.</param>
/// <param name="ServerGc">Whether the garbage collector is the server's.</param>
/// <param name="Invariant">Whether cultures are all the invariant one.</param>
/// <param name="TieredPgo">Whether code is compiled again by its profile, where that was said; null is the runtime's own default.</param>
public sealed record RuntimeState(
    string Dotnet,
    string Os,
    string? Kernel = null,
    string? Culture = null,
    string? Libc = null,
    bool? ServerGc = null,
    bool? Invariant = null,
    bool? TieredPgo = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The tensor library.</summary>
/// <param name="Libtorch">Its version.</param>
/// <param name="Build">Its own account of how it was built.</param>
/// <param name="Blas">The version of the BLAS inside it.</param>
/// <param name="Capability">The vector instructions that its kernels use: AVX512, AVX2, DEFAULT.</param>
/// <param name="Libraries">The native files that compute, as they are loaded.</param>
public sealed record NativeState(
    string Libtorch,
    string? Build = null,
    string? Blas = null,
    string? Capability = null,
    IReadOnlyList<NativeFile>? Libraries = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>A native library as it was loaded.</summary>
/// <param name="Path">With ~ for the user's own folder.</param>
/// <param name="Original">Where the file is a copy adapted to the machine: the SHA-256 of the package's file.</param>
public sealed record NativeFile(string Path, string Sha256, long Bytes, string? Original = null)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The machine.</summary>
/// <param name="Cores">That this process may use.</param>
/// <param name="Memory">Bytes that it may hold.</param>
/// <param name="Features">The instruction sets that change which kernels are taken.</param>
/// <param name="Affinity">The cores by number, as the system lists them: "0-3,8".</param>
/// <param name="Installed">Bytes of memory of the machine.</param>
/// <param name="NumaNodes">Banks of memory.</param>
/// <param name="Accelerators">GPUs of the machine; null without any.</param>
public sealed record HardwareState(
    string Cpu,
    int Cores,
    long Memory,
    IReadOnlyList<string>? Features = null,
    string? Affinity = null,
    long? Installed = null,
    int? NumaNodes = null,
    IReadOnlyList<AcceleratorState>? Accelerators = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>A GPU.</summary>
/// <param name="Id">The first 12 digits of the SHA-256 of its UUID: the same card is recognised, and not traced.</param>
/// <param name="Driver">The kernel module's version.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Mig">Whether it is divided, in the driver's words.</param>
public sealed record AcceleratorState(string Name, string? Id = null, string? Driver = null, long? Memory = null, string? Mig = null)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The job of a scheduler that a run was.</summary>
/// <param name="Kind">slurm.</param>
/// <param name="Job">The job's number; of an array, the array's.</param>
/// <param name="Index">Within the array.</param>
/// <param name="Limits">What the job was given: cpus, memory, time, gpus, in the scheduler's units.</param>
public sealed record SchedulerState(
    string Kind,
    string Job,
    string? Index = null,
    string? Node = null,
    string? Partition = null,
    IReadOnlyDictionary<string, string>? Limits = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>D0: no promise. D1: the same streams of randomness. D2: kernels that repeat, and threads that are fixed, on one machine. D3: and a run that was stopped goes on as if it had not been.</summary>
/// <param name="Effective">The highest of these that the switches, as they were read back, allow.</param>
public sealed record DeterminismLevel(string Requested, string Effective)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The checkpoint that an attempt went on from.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Attempt">The attempt that wrote it.</param>
/// <param name="Checkpoint">SHA-256 of a line for each of its files, "sha256  name", in ordinal order: what <c>sha256sum *</c> prints there.</param>
public sealed record ParentState(string Run, int Attempt, long Step, string Checkpoint)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>How many threads an operator may use, and how many operators may run at once.</summary>
public sealed record ThreadCounts(int IntraOp, int? InterOp = null)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>One data set as it was read.</summary>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="Files">The files that its rows came from; none for a data set that is computed.</param>
/// <param name="Rows">How many, by part: train, test, validation.</param>
/// <param name="Split">SHA-256 of the digests of the parts: which rows are in which, and in what order.</param>
/// <param name="Preprocessing">SHA-256 of the settings by which files became rows.</param>
public sealed record DataState(
    string Name,
    string Digest,
    IReadOnlyList<DataFile>? Files = null,
    IReadOnlyDictionary<string, long>? Rows = null,
    string? Split = null,
    string? Preprocessing = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>One file of a data set as it was read.</summary>
/// <param name="Path">Relative to the data root, with forward slashes.</param>
/// <param name="Modified">In UTC: a file of this size and time is not read again to be compared.</param>
public sealed record DataFile(string Path, long Bytes, DateTime Modified, string Sha256)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>When, in UTC, and for how long, in seconds.</summary>
/// <param name="Wall">Seconds of all attempts that this result rests on.</param>
/// <param name="Cpu">Processor seconds of this attempt.</param>
/// <param name="Train">Seconds of training, of all attempts.</param>
/// <param name="Queued">When a launcher wrote the attempt down; null for a run by itself.</param>
/// <param name="Gpu">Seconds for which this attempt held a GPU; null on a CPU.</param>
public sealed record Timing(
    DateTime? Started = null,
    DateTime? Ended = null,
    double? Wall = null,
    double? Cpu = null,
    double? Train = null,
    DateTime? Queued = null,
    double? Gpu = null
)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The most that was in use at once, in bytes.</summary>
public sealed record Peak(long Rss, long? Vram = null)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>Units of cost: one is one row through one gradient.</summary>
public sealed record Spent(long Train, long Sample, long Measure)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>One file of the run folder that must not change any more.</summary>
/// <param name="Path">Relative to the run folder, with forward slashes.</param>
/// <param name="Bytes">Its size.</param>
public sealed record Artefact(string Path, string Sha256, long Bytes)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}

/// <summary>The machine and the user that made a run, so that an audit can tell whether others made it again. The same are recognised, and not named.</summary>
/// <param name="Machine">The first 12 digits of the SHA-256 of the machine's id; null where the system gives none.</param>
/// <param name="User">The first 12 digits of the SHA-256 of the user's name together with the machine's id; null where either is not known.</param>
public sealed record MakerState(string? Machine, string? User)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}
