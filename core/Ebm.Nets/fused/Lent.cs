using System.Runtime.InteropServices;

namespace Ebm.Nets;

/// <summary>
/// Memory that a pass borrows and returns: training asks for the same sizes at each step, and new memory of the system costs more than the pass. It
/// does not move; what is not returned is collected.
/// </summary>
sealed unsafe class Lent
{
    /// <summary>Arrays kept for each size. A step may have several passes of one net open, with two arrays per layer each.</summary>
    const int Most = 64;

    [ThreadStatic]
    static Dictionary<int, Stack<float[]>>? free;

    readonly float[] array;

    Lent(float[] array) => this.array = array;

    public float* Address => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);

    public static Lent Floats(long count)
    {
        var size = checked((int)count);
        return new(Of(size).TryPop(out var array) ? array : GC.AllocateUninitializedArray<float>(size, pinned: true));
    }

    public void Return()
    {
        var kept = Of(array.Length);
        if (kept.Count < Most)
            kept.Push(array);
    }

    static Stack<float[]> Of(int size)
    {
        free ??= [];
        if (!free.TryGetValue(size, out var kept))
            free[size] = kept = [];
        return kept;
    }
}
