using System.Globalization;
using System.Runtime.InteropServices;

namespace Ebm.Devices;

/// <summary>
/// How this process computes: threads, determinism, the instructions that libtorch's kernels use. TorchSharp 0.107 has no function for the
/// last two, so libtorch's own exports are called; where a later libtorch lacks them, the answer is null and nothing breaks.
/// </summary>
public static unsafe class Machine
{
    /// <summary>What a child process that computes with <paramref name="threads"/> threads must find in its environment.</summary>
    public static IReadOnlyDictionary<string, string> Environs(int threads)
    {
        var count = threads.ToString(CultureInfo.InvariantCulture);
        return new Dictionary<string, string> { ["OMP_NUM_THREADS"] = count, ["MKL_NUM_THREADS"] = count };
    }

    /// <summary>Threads within one operation, of the whole process. At least 1.</summary>
    public static int Threads
    {
        get => torch.get_num_threads();
        set =>
            torch.set_num_threads(
                value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "threads are at least 1")
            );
    }

    /// <summary>
    /// Tensors of this thread that were made and not disposed. Tensor.TotalCount also counts each parameter's first handle, which it took over.
    /// </summary>
    public static long LiveTensors => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    /// <summary>
    /// Gives freed memory back to the system. glibc before 2.38 does not use freed aligned blocks again for others of their size (its bug
    /// 14581), and all of libtorch's are aligned: a heap grows to several times what is alive. A process that holds little is left alone, because
    /// pages that come back cost time.
    /// </summary>
    public static void ReturnFreedMemory()
    {
        var held = Environment.WorkingSet;
        heldAfterReturn = Math.Min(heldAfterReturn, held);
        // A process that needs much memory, for images, pays only for its growth.
        if (held < Math.Max(320L << 20, heldAfterReturn + (64L << 20)))
            return;
        if (NativeLibrary.TryLoad("libc.so.6", out var libc) && NativeLibrary.TryGetExport(libc, "malloc_trim", out var trim))
            ((delegate* unmanaged<nuint, int>)trim)(0);
        heldAfterReturn = Environment.WorkingSet;
    }

    static long heldAfterReturn;

    /// <summary>Asks libtorch for kernels that repeat their results bit by bit, and for an error where it has none.</summary>
    /// <returns>Whether it can be asked: false where this libtorch has no such switch.</returns>
    public static bool Deterministic(bool on)
    {
        if (Global() is not { } context || Export("_ZN2at7Context26setDeterministicAlgorithmsEbb") is not { } set)
            return false;
        ((delegate* unmanaged<nint, byte, byte, void>)set)(context, on ? (byte)1 : (byte)0, 0);
        if (Export("_ZN2at7Context21setDeterministicCuDNNEb") is { } cudnn)
            ((delegate* unmanaged<nint, byte, void>)cudnn)(context, on ? (byte)1 : (byte)0);
        return true;
    }

    /// <summary>Whether libtorch is asked for repeatable kernels now; null where it has no such switch.</summary>
    public static bool? IsDeterministic =>
        Global() is { } context && Export("_ZNK2at7Context23deterministicAlgorithmsEv") is { } get
            ? ((delegate* unmanaged<nint, byte>)get)(context) != 0
            : null;

    /// <summary>The vector instructions that libtorch's kernels use: AVX512, AVX2, DEFAULT; null where it does not say. ATEN_CPU_CAPABILITY lowers it.</summary>
    public static string? Capability => Said("_ZN2at18get_cpu_capabilityB5cxx11Ev");

    /// <summary>The version of the BLAS inside libtorch; null where it does not say.</summary>
    public static string? Blas => Said("_ZN2at15get_mkl_versionB5cxx11Ev")?.Trim();

    /// <summary>How libtorch was built: compiler, BLAS, oneDNN, options; null where it does not say.</summary>
    public static string? TorchBuild =>
        Said("_ZN2at11show_configB5cxx11Ev") is { } said
            // What was chosen for this machine is Capability.
            ? string.Join(
                '\n',
                said.Split('\n').Where(line => line.Length > 0 && !line.Contains("CPU capability", StringComparison.Ordinal))
            )
            : null;

    /// <summary>at::globalContext(), whose settings are those of the process.</summary>
    static nint? Global() => Export("_ZN2at13globalContextEv") is { } get ? ((delegate* unmanaged<nint>)get)() : null;

    /// <summary>What an export of type std::string() returns.</summary>
    static string? Said(string name)
    {
        if (Export(name) is not { } call)
            return null;
        // A std::string of the C++11 ABI, returned into memory of the caller's: pointer, length, and 16 bytes for short texts.
        var text = stackalloc nint[4];
        ((delegate* unmanaged<nint*, nint*>)call)(text);
        var said = Marshal.PtrToStringUTF8(text[0], (int)text[1]);
        if (text[0] != (nint)(text + 2))
            NativeMemory.Free((void*)text[0]);
        return said;
    }

    static nint? Export(string name)
    {
        Natives.Load();
        return NativeLibrary.TryLoad("libtorch_cpu.so", out var library) && NativeLibrary.TryGetExport(library, name, out var address)
            ? address
            : null;
    }
}
