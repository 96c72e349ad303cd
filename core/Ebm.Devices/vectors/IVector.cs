using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ebm.Devices;

/// <summary>
/// A vector of float32 lanes. Code that is generic in it is compiled once for each width, into that width's instructions. Each lane computes the
/// same bits at every width, so results do not depend on the width: every operation is rounded once, and no operation mixes lanes.
/// </summary>
public unsafe interface IVector<T>
    where T : unmanaged, IVector<T>
{
    /// <summary>16, 8 or 4.</summary>
    static abstract int Lanes { get; }

    static abstract T Of(float value);

    /// <summary>The same 32 bits in each lane.</summary>
    static abstract T Bits(uint value);

    static abstract T Load(float* from);
    static abstract void Store(T value, float* to);

    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    static abstract T operator /(T a, T b);

    static abstract T operator -(T a);

    static abstract T operator &(T a, T b);

    static abstract T operator |(T a, T b);

    static abstract T operator ^(T a, T b);

    /// <summary>a b + c, rounded once.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);

    static abstract T Sqrt(T a);
    static abstract T Floor(T a);

    /// <summary>The smaller of each pair; NaN if b is NaN, and b or NaN if a is.</summary>
    static abstract T Min(T a, T b);

    /// <summary>The larger of each pair; NaN if b is NaN, and b or NaN if a is.</summary>
    static abstract T Max(T a, T b);

    /// <summary>A mask: all bits set where a &gt; b.</summary>
    static abstract T Greater(T a, T b);

    /// <summary>A mask: all bits set where a = b. NaN equals nothing.</summary>
    static abstract T Equal(T a, T b);

    /// <summary>Lanes of <paramref name="yes"/> where the mask is set, of <paramref name="no"/> elsewhere.</summary>
    static abstract T Select(T mask, T yes, T no);

    /// <summary>Whole numbers, |a| below 2³¹, as integer bits.</summary>
    static abstract T ToInteger(T a);

    /// <summary>Signed integer bits as floats.</summary>
    static abstract T FromInteger(T bits);

    /// <summary>The sum of integer bits, modulo 2³².</summary>
    static abstract T AddIntegers(T a, T b);

    static abstract T ShiftLeft(T bits, int by);

    /// <summary>Without sign.</summary>
    static abstract T ShiftRight(T bits, int by);

    /// <summary>The high and the low half of the 64-bit products of unsigned integer bits.</summary>
    static abstract (T High, T Low) MultiplyIntegers(T a, T b);

    /// <summary>Entry index[lane] of a table: at most 16 entries, and the memory of the table has 16.</summary>
    /// <param name="index">Lanes whole numbers, 0 … 15.</param>
    static abstract T Pick(float* table, int* index);

    /// <summary>Copies a block of Lanes by Lanes numbers so that rows become columns. Strides are in floats.</summary>
    static abstract void Transpose(float* from, int fromStride, float* to, int toStride);
}
