using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ebm.Devices;

/// <summary>
/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011): a bijection of 128-bit counters for each 64-bit key, whose outputs pass the tests of random
/// numbers. A number depends on its key and counter alone, so any thread can compute it at any time.
/// </summary>
public static unsafe class Philox
{
    /// <summary>The four output words of one counter per lane.</summary>
    /// <param name="key">The low 32 bits are the key's first word.</param>
    /// <param name="c0">The counter's words, as integer bits; replaced by the output.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Words<T>(ulong key, ref T c0, ref T c1, ref T c2, ref T c3)
        where T : unmanaged, IVector<T>
    {
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < 10; round++)
        {
            var (high0, low0) = T.MultiplyIntegers(c0, T.Bits(0xD2511F53));
            var (high1, low1) = T.MultiplyIntegers(c2, T.Bits(0xCD9E8D57));
            (c0, c1, c2, c3) = (high1 ^ c1 ^ T.Bits(k0), low1, high0 ^ c3 ^ T.Bits(k1), low0);
            (k0, k1) = (k0 + 0x9E3779B9, k1 + 0xBB67AE85);
        }
    }

    /// <summary>0, 1, 2 … in the lanes, as integer bits.</summary>
    public static T LaneNumbers<T>()
        where T : unmanaged, IVector<T> => T.Load((float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Numbers)));

    // Constant data of the assembly does not move.
    static ReadOnlySpan<uint> Numbers => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
}
