using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Ebm.Devices;

/// <summary>
/// How this process computes: threads, determinism, and the instructions that libtorch's kernels use. TorchSharp 0.107 has no function for
/// the last two, so this calls exports of libtorch; the result is null if a later libtorch does not have them.
/// </summary>
public static unsafe class Machine
{
    static Machine() => Natives.LoadWhenAsked();

    /// <summary>The environment variables of a child process that computes with <paramref name="threads"/> threads.</summary>
    public static IReadOnlyDictionary<string, string> Environs(int threads)
    {
        var count = threads.ToString(CultureInfo.InvariantCulture);
        return new Dictionary<string, string> { ["OMP_NUM_THREADS"] = count, ["MKL_NUM_THREADS"] = count };
    }

    /// <summary>How many threads an operation uses, in the whole process. At least 1.</summary>
    public static int Threads
    {
        get => torch.get_num_threads();
        set =>
            torch.set_num_threads(
                value >= 1
                    ? value
                    : throw new ArgumentOutOfRangeException(nameof(value), value, "The number of threads must be at least 1.")
            );
    }

    /// <summary>
    /// The number of this thread's tensors that are not disposed. Tensor.TotalCount also counts the first handle of each parameter.
    /// </summary>
    public static long LiveTensors => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    /// <summary>Requires kernels whose results are bit for bit repeatable; an operation without such a kernel then throws.</summary>
    /// <returns>False if this libtorch has no such switch.</returns>
    public static bool Deterministic(bool on)
    {
        if (Global() is not { } context || Export("_ZN2at7Context26setDeterministicAlgorithmsEbb") is not { } set)
            return false;
        ((delegate* unmanaged<nint, byte, byte, void>)set)(context, on ? (byte)1 : (byte)0, 0);
        if (Export("_ZN2at7Context21setDeterministicCuDNNEb") is { } cudnn)
            ((delegate* unmanaged<nint, byte, void>)cudnn)(context, on ? (byte)1 : (byte)0);
        return true;
    }

    /// <summary>Whether repeatable kernels are required now; null if this libtorch has no such switch.</summary>
    public static bool? IsDeterministic =>
        Global() is { } context && Export("_ZNK2at7Context23deterministicAlgorithmsEv") is { } get
            ? ((delegate* unmanaged<nint, byte>)get)(context) != 0
            : null;

    /// <summary>
    /// How libtorch multiplies float32 matrices, in the whole process; null if this libtorch has no such switch. Setting it does nothing then, or
    /// if the value is null.
    /// </summary>
    public static Matmul? Matmul
    {
        get =>
            Global() is { } context && Export("_ZNK2at7Context22float32MatmulPrecisionEv") is { } get
                ? (Matmul)((delegate* unmanaged<nint, int>)get)(context)
                : null;
        set
        {
            const string name = "_ZN2at7Context25setFloat32MatmulPrecisionERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
            var word = value switch
            {
                Devices.Matmul.Highest => "highest"u8,
                Devices.Matmul.High => "high"u8,
                Devices.Matmul.Medium => "medium"u8,
                _ => default,
            };
            if (word.IsEmpty || Global() is not { } context || Export(name) is not { } set)
                return;
            // A std::string (C++11 ABI): pointer, length, and 16 bytes that hold short texts.
            var text = stackalloc nint[4];
            new Span<nint>(text, 4).Clear();
            (text[0], text[1]) = ((nint)(text + 2), word.Length);
            word.CopyTo(new Span<byte>(text + 2, 16));
            ((delegate* unmanaged<nint, nint*, void>)set)(context, text);
        }
    }

    /// <summary>The vector instructions of libtorch's kernels: AVX512, AVX2 or DEFAULT; null if unknown. ATEN_CPU_CAPABILITY can lower it.</summary>
    public static string? Capability => Said("_ZN2at18get_cpu_capabilityB5cxx11Ev");

    /// <summary>The version of the BLAS inside libtorch; null if unknown.</summary>
    public static string? Blas => Said("_ZN2at15get_mkl_versionB5cxx11Ev")?.Trim();

    /// <summary>
    /// Whether oneDNN, which computes libtorch's convolutions on the CPU, believes that this processor has no cache of the first level: a virtual machine
    /// may hide an AMD processor's leaf 8000001D. oneDNN 3.7 then computes some convolutions wrongly; see Convolution in Ebm.Nets.
    /// </summary>
    public static bool HidesCaches { get; } = !HasFirstCache();

    static bool HasFirstCache()
    {
        const int largest = 0,
            caches = unchecked((int)0x8000001D),
            cAMD = 0x444D4163;
        if (!X86Base.IsSupported || X86Base.CpuId(largest, 0).Ecx != cAMD)
            return true;
        var (_, shape, sets, _) = X86Base.CpuId(caches, 0);
        // Ways, partitions and bytes of a line, each less one.
        var bytes = (((shape >>> 22) & 0x3FF) + 1L) * (((shape >>> 12) & 0x3FF) + 1) * ((shape & 0xFFF) + 1) * ((uint)sets + 1L);
        return bytes >= 4096;
    }

    /// <summary>How libtorch was built: compiler, BLAS, oneDNN, options; null if unknown.</summary>
    public static string? TorchBuild =>
        Said("_ZN2at11show_configB5cxx11Ev") is { } said
            // The capability depends on the machine, not on the build; it is the property Capability.
            ? string.Join(
                '\n',
                said.Split('\n').Where(line => line.Length > 0 && !line.Contains("CPU capability", StringComparison.Ordinal))
            )
            : null;

    /// <summary>at::globalContext(), which has the settings of the process.</summary>
    static nint? Global() => Export("_ZN2at13globalContextEv") is { } get ? ((delegate* unmanaged<nint>)get)() : null;

    /// <summary>Calls an export of type std::string() and returns its result.</summary>
    static string? Said(string name)
    {
        if (Export(name) is not { } call)
            return null;
        // The caller provides the memory of a returned std::string (C++11 ABI): pointer, length, and 16 bytes for short texts.
        var text = stackalloc nint[4];
        ((delegate* unmanaged<nint*, nint*>)call)(text);
        var said = Marshal.PtrToStringUTF8(text[0], (int)text[1]);
        if (text[0] != (nint)(text + 2))
            NativeMemory.Free((void*)text[0]);
        return said;
    }

    internal static nint? Export(string name)
    {
        Natives.Load();
        return NativeLibrary.TryLoad("libtorch_cpu.so", out var library) && NativeLibrary.TryGetExport(library, name, out var address)
            ? address
            : null;
    }
}
