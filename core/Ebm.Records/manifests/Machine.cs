namespace Ebm.Records;

// What a manifest says of where a run was computed: runtime, native libraries, machine, scheduler, and who started it.

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
) : Extensible;

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
) : Extensible;

/// <summary>A native library as it was loaded.</summary>
/// <param name="Path">With ~ for the user's own folder.</param>
/// <param name="Original">Where the file is a copy adapted to the machine: the SHA-256 of the package's file.</param>
public sealed record NativeFile(string Path, string Sha256, long Bytes, string? Original = null) : Extensible;

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
) : Extensible;

/// <summary>A GPU.</summary>
/// <param name="Id">The first 12 digits of the SHA-256 of its UUID: the same card is recognised, and not traced.</param>
/// <param name="Driver">The kernel module's version.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Mig">Whether it is divided, in the driver's words.</param>
public sealed record AcceleratorState(string Name, string? Id = null, string? Driver = null, long? Memory = null, string? Mig = null)
    : Extensible;

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
) : Extensible;

/// <summary>D0: no promise. D1: the same streams of randomness. D2: kernels that repeat, and threads that are fixed, on one machine. D3: and a run that was stopped goes on as if it had not been.</summary>
/// <param name="Effective">The highest of these that the switches, as they were read back, allow.</param>
public sealed record DeterminismLevel(string Requested, string Effective) : Extensible;

/// <summary>How many threads an operator may use, and how many operators may run at once.</summary>
public sealed record ThreadCounts(int IntraOp, int? InterOp = null) : Extensible;

/// <summary>The machine and the user that made a run, so that an audit can tell whether others made it again. The same are recognised, and not named.</summary>
/// <param name="Machine">The first 12 digits of the SHA-256 of the machine's id; null where the system gives none.</param>
/// <param name="User">The first 12 digits of the SHA-256 of the user's name together with the machine's id; null where either is not known.</param>
public sealed record MakerState(string? Machine, string? User) : Extensible;
