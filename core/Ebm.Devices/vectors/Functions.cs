using System.Runtime.CompilerServices;

namespace Ebm.Devices;

/// <summary>
/// Elementary functions on vectors, as polynomials after a reduction of the argument (coefficients as in Cephes). Each has an error of at most two
/// units in the last place where its comment does not say otherwise. NaN stays NaN.
/// </summary>
public static class Functions
{
    /// <summary>eˣ; at most 1.22·10⁻³⁸ below −87.3, and +∞ above 88.72.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : unmanaged, IVector<T>
    {
        // Above 88, eˣ is e² times e^{x−2}: 2¹²⁸ is not a float.
        var large = T.Greater(x, T.Of(87));
        var shifted = ExpHeld(x - (large & T.Of(2)));
        var result = T.Select(large, shifted * T.Of(7.389056f), shifted);
        result = T.Select(T.Greater(x, T.Of(88.7228f)), T.Of(float.PositiveInfinity), result);
        return T.Select(T.Equal(x, x), result, x);
    }

    /// <summary>eˣ for x held within [−87.3, 88]; some finite number for NaN. For activations, which multiply it by something that is NaN then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpHeld<T>(T x)
        where T : unmanaged, IVector<T>
    {
        var held = T.Min(T.Max(x, T.Of(-87.3f)), T.Of(88f));
        // x = n ln 2 + r with |r| ≤ ½ ln 2. Adding 1.5·2²³ rounds to the whole number n, which is then in the low bits of the sum.
        var shifted = T.MultiplyAdd(held, T.Of(1.44269504f), T.Of(12582912f));
        var n = shifted - T.Of(12582912f);
        // ln 2 has two parts, so that n ln 2 is exact.
        var r = T.MultiplyAdd(n, T.Of(-.693359375f), held);
        r = T.MultiplyAdd(n, T.Of(2.12194440e-4f), r);
        var p = T.Of(1.9875691500e-4f);
        p = T.MultiplyAdd(p, r, T.Of(1.3981999507e-3f));
        p = T.MultiplyAdd(p, r, T.Of(8.3334519073e-3f));
        p = T.MultiplyAdd(p, r, T.Of(4.1665795894e-2f));
        p = T.MultiplyAdd(p, r, T.Of(1.6666665459e-1f));
        p = T.MultiplyAdd(p, r, T.Of(5.0000001201e-1f));
        p = T.MultiplyAdd(p, r, T.Of(1));
        p = T.MultiplyAdd(p, r, T.Of(1));
        // 2ⁿ: the exponent's bits are n + 127.
        return p * T.AddIntegers(T.ShiftLeft(shifted, 23), T.Of(1));
    }

    /// <summary>1/(1 + e⁻ˣ), with an error of at most three units in the last place; 0 below −88.72.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x)
        where T : unmanaged, IVector<T> => T.Of(1) / (T.Of(1) + Exp(-x));

    /// <summary>tanh x, to 3·10⁻⁷ absolutely.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x)
        where T : unmanaged, IVector<T>
    {
        // e is +∞ for large x.
        var e = Exp(x + x);
        return T.Of(1) - T.Of(2) / (e + T.Of(1));
    }

    /// <summary>ln x for positive x; −∞ for 0, NaN below. Denormal numbers count as 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x)
        where T : unmanaged, IVector<T>
    {
        // x = 2ᵉ m with m in [√½, √2).
        var e = T.FromInteger(T.AddIntegers(T.ShiftRight(x, 23), T.Bits(unchecked((uint)-126))));
        var m = (x & T.Bits(0x007F_FFFF)) | T.Bits(0x3F00_0000);
        var small = T.Greater(T.Of(.707106781186547524f), m);
        e = T.Select(small, e - T.Of(1), e);
        m = T.Select(small, m + m, m) - T.Of(1);
        var z = m * m;
        var p = T.Of(7.0376836292e-2f);
        p = T.MultiplyAdd(p, m, T.Of(-1.1514610310e-1f));
        p = T.MultiplyAdd(p, m, T.Of(1.1676998740e-1f));
        p = T.MultiplyAdd(p, m, T.Of(-1.2420140846e-1f));
        p = T.MultiplyAdd(p, m, T.Of(1.4249322787e-1f));
        p = T.MultiplyAdd(p, m, T.Of(-1.6668057665e-1f));
        p = T.MultiplyAdd(p, m, T.Of(2.0000714765e-1f));
        p = T.MultiplyAdd(p, m, T.Of(-2.4999993993e-1f));
        p = T.MultiplyAdd(p, m, T.Of(3.3333331174e-1f));
        var y = p * m * z;
        y = T.MultiplyAdd(e, T.Of(-2.12194440e-4f), y);
        y = T.MultiplyAdd(z, T.Of(-.5f), y);
        var result = T.MultiplyAdd(e, T.Of(.693359375f), m + y);
        result = T.Select(T.Greater(T.Of(float.PositiveInfinity), x), result, x);
        result = T.Select(T.Greater(T.Of(1.17549435e-38f), x), T.Of(float.NegativeInfinity), result);
        return T.Select(T.Greater(T.Of(0), x), T.Of(float.NaN), result);
    }

    /// <summary>ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), to 2·10⁻⁷ max(1, x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Softplus<T>(T x)
        where T : unmanaged, IVector<T>
    {
        var size = x & T.Bits(0x7FFF_FFFF);
        return T.Max(x, T.Of(0)) + Log(T.Of(1) + Exp(-size));
    }

    /// <summary>sin and cos of 2πu for u in [0, 1], to 1.2·10⁻⁷ absolutely.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T Sin, T Cos) SinCosOfTurns<T>(T u)
        where T : unmanaged, IVector<T>
    {
        // The quarter turn k nearest to u, and the rest in [−⅛, ⅛] turns, exactly.
        var k = T.Floor(T.MultiplyAdd(u, T.Of(4), T.Of(.5f)));
        var r = T.MultiplyAdd(k, T.Of(-.25f), u) * T.Of(6.283185307f);
        var z = r * r;
        var s = T.MultiplyAdd(T.MultiplyAdd(T.Of(-1.9515295891e-4f), z, T.Of(8.3321608736e-3f)), z, T.Of(-1.6666654611e-1f));
        s = T.MultiplyAdd(s * z, r, r);
        var c = T.MultiplyAdd(T.MultiplyAdd(T.Of(2.443315711809948e-5f), z, T.Of(-1.388731625493765e-3f)), z, T.Of(4.166664568298827e-2f));
        c = T.MultiplyAdd(c * z, z, T.MultiplyAdd(z, T.Of(-.5f), T.Of(1)));
        // Odd quarters swap sine and cosine; the second bit of k, and of k + 1, is the sign.
        var bits = T.ToInteger(k);
        var even = T.Equal(T.Floor(k * T.Of(.5f)) + T.Floor(k * T.Of(.5f)), k);
        var signOfSin = T.ShiftLeft(bits & T.Bits(2), 30);
        var signOfCos = T.ShiftLeft(T.AddIntegers(bits, T.Bits(1)) & T.Bits(2), 30);
        return (T.Select(even, s, c) ^ signOfSin, T.Select(even, c, s) ^ signOfCos);
    }
}
