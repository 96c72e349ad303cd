using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ebm.Devices;

/// <summary>
/// Ranks that mpirun or srun has started, connected by the MPI library of this machine. The library is found at run time, because each cluster has its
/// own, built for its network.
/// </summary>
public sealed unsafe class Mpi : Ranks, IDisposable
{
    /// <summary>The variable that contains the path of the library; without it, the system's loader finds one.</summary>
    public const string LibraryVariable = "EBM_MPI";

    // Variables by which launchers tell a process its rank, and the library that the launcher belongs to.
    static readonly (string Variable, string[] Files)[] Launchers =
    [
        ("OMPI_COMM_WORLD_RANK", OpenMpi.Files),
        ("PMIX_RANK", OpenMpi.Files),
        ("PMI_RANK", Mpich.Files),
    ];

    readonly MpiHandles handles;
    readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, int> allreduce;
    readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int> iallreduce;
    readonly delegate* unmanaged<nint*, int*, byte*, int> test;
    readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> allgather;
    readonly delegate* unmanaged<int> finalize;

    // Variables by which launchers tell a process its rank on its machine.
    static readonly string[] Locals = ["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID"];

    public override int Count { get; }
    public override int Rank { get; }
    public override string? Library { get; }
    public override int Local { get; } =
        Locals.Select(Environment.GetEnvironmentVariable).FirstOrDefault(value => value is { Length: > 0 }) is { } number
            ? int.Parse(number, CultureInfo.InvariantCulture)
            : 0;

    /// <summary>Whether a variable is one by which launchers mark their ranks.</summary>
    public static bool Marks(string variable) =>
        variable.StartsWith("OMPI_COMM_", StringComparison.Ordinal)
        || variable.StartsWith("PMIX_", StringComparison.Ordinal)
        || variable.StartsWith("PMI_", StringComparison.Ordinal);

    /// <summary>Whether a launcher has started this process as a rank.</summary>
    public static bool IsLaunched => Launcher is not null;

    static string[]? Launcher =>
        Launchers
            .Where(one => Environment.GetEnvironmentVariable(one.Variable) is { Length: > 0 })
            .Select(one => one.Files)
            .FirstOrDefault();

    /// <summary>Joins the ranks that the launcher has started.</summary>
    /// <exception cref="DeviceException">The library is missing, cannot be used, or does not belong to the launcher.</exception>
    public Mpi()
    {
        // .NET turns some segmentation faults into exceptions. UCX, the network layer of many MPI libraries, would end the process at each.
        _ = setenv("UCX_ERROR_SIGNALS", "", 0);
        var library = Load();
        nint At(string name) =>
            NativeLibrary.TryGetExport(library, name, out var address)
                ? address
                : throw new DeviceException($"the MPI library has no function {name}, so it is not a library for MPI 3 or later");

        Library = VersionOf(At("MPI_Get_library_version"));
        handles =
            OpenMpi.Of(library)
            ?? Mpich.Of(Library)
            ?? throw new DeviceException($"the MPI library \"{Library}\" is neither Open MPI nor one with MPICH's binary interface");
        allreduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, int>)At("MPI_Allreduce");
        iallreduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int>)At("MPI_Iallreduce");
        test = (delegate* unmanaged<nint*, int*, byte*, int>)At("MPI_Test");
        allgather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)At("MPI_Allgather");
        finalize = (delegate* unmanaged<int>)At("MPI_Finalize");

        // One thread at a time calls the library.
        const int serialized = 2;
        int provided,
            count,
            rank;
        Check(((delegate* unmanaged<nint, nint, int, int*, int>)At("MPI_Init_thread"))(0, 0, serialized, &provided));
        Check(((delegate* unmanaged<nint, int*, int>)At("MPI_Comm_size"))(handles.World, &count));
        Check(((delegate* unmanaged<nint, int*, int>)At("MPI_Comm_rank"))(handles.World, &rank));
        (Count, Rank) = (count, rank);
    }

    static nint Load()
    {
        string[] files = Environment.GetEnvironmentVariable(LibraryVariable) is { Length: > 0 } given ? [given] : Launcher ?? [];
        foreach (var file in files)
        {
            // Open MPI's plug-ins look for its functions among the global ones.
            const int now = 2,
                global = 0x100;
            if (dlopen(file, now | global) is not 0 and var library)
                return library;
        }
        throw new DeviceException(
            $"no MPI library was found ({string.Join(", ", files)}): load the cluster's module of it, install it, or set {LibraryVariable} to the path of its file"
        );
    }

    static string VersionOf(nint function)
    {
        var text = new byte[8192];
        int length;
        fixed (byte* at = text)
            Check(((delegate* unmanaged<byte*, int*, int>)function)(at, &length));
        // MPICH's text continues with how it was built.
        return Encoding.UTF8.GetString(text, 0, length).TrimEnd('\0').Split('\n')[0].Replace("\t", " ").Trim();
    }

    protected override void Add(Span<float> numbers)
    {
        fixed (float* at = numbers)
            Check(allreduce(handles.InPlace, at, numbers.Length, handles.Single, handles.Sum, handles.World));
    }

    protected override void Add(Span<double> numbers)
    {
        fixed (double* at = numbers)
            Check(allreduce(handles.InPlace, at, numbers.Length, handles.Double, handles.Sum, handles.World));
    }

    protected override void Highest(Span<long> numbers)
    {
        // A rank may come minutes later, when another one measures. MPI's own wait would use a processor all that time.
        var patience = Stopwatch.StartNew();
        fixed (long* at = numbers)
        {
            nint request = 0;
            Check(iallreduce(handles.InPlace, at, numbers.Length, handles.Whole, handles.Max, handles.World, &request));
            var status = stackalloc byte[StatusSize];
            for (var done = 0; ; )
            {
                Check(test(&request, &done, status));
                if (done != 0)
                    return;
                if (patience.Elapsed > Impatient)
                    Thread.Sleep(1);
            }
        }
    }

    protected override void Collect(ReadOnlySpan<byte> share, Span<byte> all)
    {
        fixed (
            byte* from = share,
                to = all
        )
            Check(allgather(from, share.Length, handles.Octet, to, share.Length, handles.Octet, handles.World));
    }

    static readonly TimeSpan Impatient = TimeSpan.FromMilliseconds(5);

    // At least sizeof(MPI_Status) of every implementation.
    const int StatusSize = 128;

    // By default, the library ends all ranks at an error, so that this is never seen.
    static void Check(int code)
    {
        if (code != 0)
            throw new DeviceException($"the MPI library reports error {code}");
    }

    /// <summary>Leaves the ranks; all of them must do so.</summary>
    public void Dispose() => Check(finalize());

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false)]
    static extern nint dlopen(string file, int flags);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false)]
    static extern int setenv(string name, string value, int overwrite);
}
