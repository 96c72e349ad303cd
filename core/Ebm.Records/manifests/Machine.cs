namespace Ebm.Records;

// The environment of a run in its manifest: runtime, native libraries, machine, scheduler, and user.

/// <summary>The runtime and the operating system.</summary>
/// <param name="Libc">The C library's version.</param>
/// <param name="ServerGc">Whether the server garbage collector is in use.</param>
/// <param name="Invariant">Whether globalization is invariant.</param>
/// <param name="TieredPgo">Whether profile-guided recompilation is on, if set; null for the runtime's default.</param>
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
/// <param name="Build">Its description of its own build.</param>
/// <param name="Blas">The version of the BLAS inside it.</param>
/// <param name="Capability">The vector instructions of its kernels: AVX512, AVX2, DEFAULT.</param>
/// <param name="VectorLanes">Lanes of float32 in a vector of this project's own kernels: 16, 8 or 4.</param>
/// <param name="Libraries">The loaded native files that compute.</param>
public sealed record NativeState(
    string Libtorch,
    string? Build = null,
    string? Blas = null,
    string? Capability = null,
    int? VectorLanes = null,
    IReadOnlyList<NativeFile>? Libraries = null
) : Extensible;

/// <summary>A loaded native library.</summary>
/// <param name="Path">With ~ for the user's home folder.</param>
/// <param name="Original">The SHA-256 of the package's file, if the loaded file is a copy adapted to the machine.</param>
public sealed record NativeFile(string Path, string Sha256, long Bytes, string? Original = null) : Extensible;

/// <summary>The machine.</summary>
/// <param name="Cores">Cores available to this process.</param>
/// <param name="Memory">Bytes available to this process.</param>
/// <param name="Features">The instruction sets that affect the choice of kernels.</param>
/// <param name="Affinity">The cores by number, in the system's notation: "0-3,8".</param>
/// <param name="Installed">Bytes of memory in the machine.</param>
/// <param name="NumaNodes">Number of memory nodes.</param>
/// <param name="Accelerators">GPUs of the machine; null if there are none.</param>
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
/// <param name="Id">The first 12 digits of the SHA-256 of its UUID: it identifies the card without revealing the UUID.</param>
/// <param name="Driver">The kernel module's version.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Mig">Whether it is partitioned, in the driver's words.</param>
public sealed record AcceleratorState(string Name, string? Id = null, string? Driver = null, long? Memory = null, string? Mig = null)
    : Extensible;

/// <summary>The scheduler job of a run.</summary>
/// <param name="Kind">slurm.</param>
/// <param name="Job">The job's number; for an array job, the array's.</param>
/// <param name="Index">Index in the array.</param>
/// <param name="Limits">The job's limits: cpus, memory, time, gpus, in the scheduler's units.</param>
public sealed record SchedulerState(
    string Kind,
    string Job,
    string? Index = null,
    string? Node = null,
    string? Partition = null,
    IReadOnlyDictionary<string, string>? Limits = null
) : Extensible;

/// <summary>D0: no promise. D1: the same random streams. D2: also repeatable kernels and a fixed number of threads, on one machine. D3: also, a
/// resumed run gives the same bytes as an uninterrupted one.</summary>
/// <param name="Effective">The highest level that the switches, as read back, allow.</param>
public sealed record DeterminismLevel(string Requested, string Effective) : Extensible;

/// <summary>Threads per operator, and the number of operators that may run at once.</summary>
public sealed record ThreadCounts(int IntraOp, int? InterOp = null) : Extensible;

/// <summary>The processes that trained a run together.</summary>
/// <param name="Count">Their number.</param>
/// <param name="Library">The MPI library that connected them, with its version: it decides the order of sums.</param>
public sealed record RanksState(int Count, string Library) : Extensible;

/// <summary>Hashes of the machine and the user, so that audits can tell whether others reproduced a run; the hashes do not reveal names.</summary>
/// <param name="Machine">The first 12 digits of the SHA-256 of the machine's id; null if the system has none.</param>
/// <param name="User">The first 12 digits of the SHA-256 of the user's name together with the machine's id; null if either is unknown.</param>
public sealed record MakerState(string? Machine, string? User) : Extensible;
