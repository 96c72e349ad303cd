using System.Runtime.InteropServices;

namespace Ebm.Devices;

/// <summary>
/// What the C library does with memory that tensors have freed. Each step of training frees what the next step allocates. By default glibc returns blocks of more than
/// 128 KiB to the system, which then clears every page when it is first written again: 12,000 pages in a step of a small U-Net, over half of its time.
/// So freed memory is kept while a process computes, and returned where a process is between two pieces of work.
/// </summary>
public static unsafe class FreedMemory
{
    const int TrimThreshold = -1,
        MapThreshold = -3;

    // The largest that glibc accepts; larger blocks are mapped one by one.
    const int LargestMapThreshold = 32 << 20;
    const int Everything = int.MaxValue;

    static long heldAfterReturn;

    /// <summary>
    /// From now on, the process keeps freed memory for its next allocations. A value that the user gives in <c>MALLOC_TRIM_THRESHOLD_</c>,
    /// <c>MALLOC_MMAP_THRESHOLD_</c> or <c>GLIBC_TUNABLES</c> is respected. Other C libraries than glibc are left alone.
    /// </summary>
    public static void Keep()
    {
        var tuned = Environment.GetEnvironmentVariable("GLIBC_TUNABLES")?.Contains("glibc.malloc.", StringComparison.Ordinal) is true;
        if (tuned || Given("MALLOC_TRIM_THRESHOLD_") || Given("MALLOC_MMAP_THRESHOLD_"))
            return;
        if (Export("mallopt") is not { } mallopt)
            return;
        ((delegate* unmanaged<int, int, int>)mallopt)(TrimThreshold, Everything);
        ((delegate* unmanaged<int, int, int>)mallopt)(MapThreshold, LargestMapThreshold);
    }

    /// <summary>
    /// Returns freed memory to the system. glibc before 2.38 does not reuse freed aligned blocks (its bug 14581), and all blocks of libtorch are
    /// aligned, so the heap grows to several times the live memory. A small process is left alone, because returned pages cost time when they
    /// are needed again.
    /// </summary>
    public static void Return()
    {
        var held = Environment.WorkingSet;
        heldAfterReturn = Math.Min(heldAfterReturn, held);
        // Only growth since the last call counts, so that a process that needs much memory does not return it all the time.
        if (held < Math.Max(320L << 20, heldAfterReturn + (64L << 20)))
            return;
        if (Export("malloc_trim") is { } trim)
            ((delegate* unmanaged<nuint, int>)trim)(0);
        heldAfterReturn = Environment.WorkingSet;
    }

    static bool Given(string variable) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));

    static nint? Export(string name) =>
        NativeLibrary.TryLoad("libc.so.6", out var libc) && NativeLibrary.TryGetExport(libc, name, out var function) ? function : null;
}
