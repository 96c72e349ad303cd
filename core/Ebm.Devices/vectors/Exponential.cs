using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>
/// The sigmoid's exponential, for loops over many vectors. Its constants come from memory, so that the compiler keeps them in registers through a
/// loop; it would read literals again for each vector, and reading would take longer than computing.
/// </summary>
public readonly struct Exponential<T>
    where T : unmanaged, IVector<T>
{
    /// <summary>
    /// The bound of |x|, −log₂ e, 1.5·2²³, ln 2 in two parts, then the polynomial of <see cref="Functions.ExpHeld"/>, highest power first.
    /// </summary>
    static readonly float[] Constants =
    [
        87,
        -1.44269504f,
        12582912f,
        -.693359375f,
        2.12194440e-4f,
        1.9875691500e-4f,
        1.3981999507e-3f,
        8.3334519073e-3f,
        4.1665795894e-2f,
        1.6666665459e-1f,
        5.0000001201e-1f,
        1,
    ];

    readonly T most,
        least,
        scale,
        magic,
        ln2,
        rest,
        c7,
        c6,
        c5,
        c4,
        c3,
        c2;

    /// <summary>1 in each lane.</summary>
    public readonly T One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Exponential()
    {
        most = T.Of(Constants[0]);
        least = -most;
        scale = T.Of(Constants[1]);
        magic = T.Of(Constants[2]);
        ln2 = T.Of(Constants[3]);
        rest = T.Of(Constants[4]);
        c7 = T.Of(Constants[5]);
        c6 = T.Of(Constants[6]);
        c5 = T.Of(Constants[7]);
        c4 = T.Of(Constants[8]);
        c3 = T.Of(Constants[9]);
        c2 = T.Of(Constants[10]);
        One = T.Of(Constants[11]);
    }

    /// <summary>1/(1 + e⁻ˣ) with the bits of <see cref="Functions.ExpHeld"/> down to −87, where it stays; any value for NaN.</summary>
    /// <param name="x">Becomes −87 below that, so that a product with the sigmoid vanishes there; NaN stays NaN.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Sigmoid(ref T x)
    {
        // The order of the arguments keeps NaN.
        x = T.Max(least, x);
        var held = T.Min(most, x);
        // −x = n ln 2 + r: adding 1.5·2²³ rounds to the whole number n, which is then in the low bits of the sum.
        var shifted = T.MultiplyAdd(held, scale, magic);
        var n = shifted - magic;
        var r = T.MultiplyAdd(n, rest, T.MultiplyAdd(n, ln2, -held));
        var p = T.MultiplyAdd(c7, r, c6);
        p = T.MultiplyAdd(p, r, c5);
        p = T.MultiplyAdd(p, r, c4);
        p = T.MultiplyAdd(p, r, c3);
        p = T.MultiplyAdd(p, r, c2);
        p = T.MultiplyAdd(p, r, One);
        p = T.MultiplyAdd(p, r, One);
        // Times 2ⁿ: n is added to the exponent.
        return One / (One + T.AddIntegers(p, T.ShiftLeft(shifted, 23)));
    }
}
