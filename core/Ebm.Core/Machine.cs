using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Ebm.Core;

/// <summary>
/// What runs are computed on and how: threads, determinism, the BLAS kernels, libtorch's version. What the tensor layer's public
/// names do not offer stands here, is optional, and says so where it is missing.
/// </summary>
public static partial class Machine
{
    const string CoreType = "OPENBLAS_CORETYPE";
    const string Native = "ebm_native";

    /// <summary>
    /// OpenBLAS takes its slowest kernels on CPUs newer than itself. This chooses by the CPU's instructions, before libtorch loads;
    /// a value the user set stays. Null where OpenBLAS's own choice is right.
    /// </summary>
    public static string? BlasCore { get; } = Environment.GetEnvironmentVariable(CoreType) ?? (
        Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported ? "SKYLAKEX" :
        Avx2.IsSupported && Fma.IsSupported ? "HASWELL" : null);

    /// <summary>What a child process that computes with <paramref name="threads"/> threads must find in its environment.</summary>
    public static IReadOnlyDictionary<string, string> Environs(int threads)
    {
        var count = threads.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var environs = new Dictionary<string, string>
        {
            ["OMP_NUM_THREADS"] = count,
            ["MKL_NUM_THREADS"] = count,
            // OpenBLAS's own threads ignore libtorch's count, and two pools on the same cores are slower than one.
            ["OPENBLAS_NUM_THREADS"] = count,
        };
        if (BlasCore is { } core) environs[CoreType] = core;
        return environs;
    }

    /// <summary>Threads within one operation.</summary>
    public static int Threads
    {
        get => torch.get_num_threads();
        set => torch.set_num_threads(Require.AtLeast(1, value));
    }

    /// <summary>
    /// Asks libtorch for kernels that repeat their results bit by bit, and for an error where it has none.
    /// </summary>
    /// <returns>Whether it can be asked: false where the tensor library offers no switch.</returns>
    public static bool Deterministic(bool on)
    {
        if (!HasNative) return false;
        return SetDeterministic((byte)(on ? 1 : 0), 0) == 0;
    }

    /// <summary>Whether libtorch is asked for repeatable kernels now; null where there is no switch.</summary>
    public static bool? IsDeterministic => HasNative ? GetDeterministic() != 0 : null;

    /// <summary>libtorch's version, "unavailable" where the tensor library does not tell.</summary>
    public static string TorchVersion => HasNative ? Marshal.PtrToStringUTF8(Version())! : "unavailable";

    /// <summary>How libtorch was built: compiler, BLAS, oneDNN, instruction sets.</summary>
    public static string TorchBuild => HasNative ? Marshal.PtrToStringUTF8(BuildString())! : "unavailable";

    static readonly Lazy<bool> native = new(() => NativeLibrary.TryLoad(Native, typeof(Machine).Assembly, null, out _));

    static bool HasNative => native.Value;

    // Environment.SetEnvironmentVariable does not reach native code in this process; libc's setenv does.
    // A library sets it all the same: whoever touches an energy has touched this assembly before libtorch loads.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void ChooseBlas()
    {
        if (OperatingSystem.IsWindows()) return;
        // cuBLAS repeats its results only with a workspace of its own, and refuses deterministic kernels without one.
        SetEnv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
        if (BlasCore is not { } core) return;
        SetEnv(CoreType, core, 0);
        if (Environment.GetEnvironmentVariable("OPENBLAS_NUM_THREADS") is null) SetEnv("OPENBLAS_NUM_THREADS", "1", 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    [LibraryImport(Native, EntryPoint = "ebm_set_deterministic")]
    private static partial int SetDeterministic(byte on, byte warnOnly);

    [LibraryImport(Native, EntryPoint = "ebm_deterministic")]
    private static partial byte GetDeterministic();

    [LibraryImport(Native, EntryPoint = "ebm_version")]
    private static partial nint Version();

    [LibraryImport(Native, EntryPoint = "ebm_build_config")]
    private static partial nint BuildString();
}
