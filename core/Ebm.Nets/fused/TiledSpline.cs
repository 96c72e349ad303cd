using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>
/// The rational-quadratic spline on tiles, the twin of <see cref="RationalQuadratic"/>, with rows as lanes: bins are found by comparing with all knots,
/// and what belongs to a bin is chosen by masks. With m = ξ(1−ξ) and q = d_{k+1} ξ² + 2sm + d_k (1−ξ)², the slope is s² q / β², a product of
/// positive terms without cancellation.
/// </summary>
/// <param name="bins">K.</param>
/// <param name="bound">Half the width of the box.</param>
/// <param name="least">The least width or height of a bin, as a share of the box.</param>
readonly unsafe struct TiledSpline(int bins, double bound, double least)
{
    /// <summary>ξ, w, h, d_k, d_{k+1}, k, cumulative shares of width and height before the bin, its shares, the raw slopes, and whether x is
    /// outside.</summary>
    public const int Kept = 13;

    const float Log2 = .693147180559945f;

    readonly float box = (float)bound,
        // A knot is at cumulative share · span + k · floor − box.
        span = (float)(2 * bound * (1 - least * bins)),
        floor = (float)(2 * bound * least);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Map<T>(float* x, int numbers, float* parameters, bool inverted, float* logSlope, float* kept)
        where T : unmanaged, IVector<T>
    {
        var stride = (3 * bins - 1) * Tile.Rows;
        for (var number = 0; number < numbers; number++, x += Tile.Rows, parameters += stride)
        {
            for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
                Map<T>(x + lane, parameters + lane, inverted, logSlope + lane, kept == null ? null : kept + lane);
            if (kept != null)
                kept += Kept * Tile.Rows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    void Map<T>(float* x, float* parameters, bool inverted, float* logSlope, float* kept)
        where T : unmanaged, IVector<T>
    {
        float* heights = parameters + bins * Tile.Rows,
            slopes = heights + bins * Tile.Rows;
        T perWidth = Exponentials<T>(parameters),
            perHeight = Exponentials<T>(heights);

        var from = T.Load(x);
        var held = T.Min(T.Max(from, T.Of(-box)), T.Of(box));
        held = T.Select(T.Equal(from, from), held, from);

        // The bin: its number, the shares before it, its own, and its raw slopes.
        T across = T.Of(0),
            up = T.Of(0),
            bin = T.Of(0),
            before = T.Of(0),
            below = T.Of(0),
            wide = Share(parameters, 0, perWidth),
            high = Share(heights, 0, perHeight),
            rawLeft = T.Of(0),
            rawRight = T.Load(slopes);
        var (width, height) = (wide, high);
        for (var k = 1; k < bins; k++)
        {
            across += width;
            up += height;
            width = Share(parameters, k, perWidth);
            height = Share(heights, k, perHeight);
            var passed = T.Greater(Knot(inverted ? up : across, T.Of(k)), held);
            bin = T.Select(passed, bin, T.Of(k));
            before = T.Select(passed, before, across);
            below = T.Select(passed, below, up);
            wide = T.Select(passed, wide, width);
            high = T.Select(passed, high, height);
            rawLeft = T.Select(passed, rawLeft, T.Load(slopes + (k - 1) * Tile.Rows));
            rawRight = T.Select(passed, rawRight, T.Load(slopes + Math.Min(k, bins - 2) * Tile.Rows));
        }

        T left = Knot(before, bin),
            bottom = Knot(below, bin),
            w = Knot(before + wide, bin + T.Of(1)) - left,
            h = Knot(below + high, bin + T.Of(1)) - bottom,
            d = T.Select(T.Equal(bin, T.Of(0)), T.Of(1), Slope(rawLeft)),
            next = T.Select(T.Equal(bin, T.Of(bins - 1)), T.Of(1), Slope(rawRight)),
            s = h / w,
            xi,
            y;
        var bend = d + next - (s + s);
        if (inverted)
        {
            var rise = held - bottom;
            var (straight, bent) = (h * d, rise * bend);
            var (a, b, c) = (h * s - straight + bent, straight - bent, s * rise);
            // Positive but for rounding.
            var discriminant = T.Max(T.MultiplyAdd(b, b, T.Of(4) * a * c), T.Of(0));
            xi = (c + c) / (b + T.Sqrt(discriminant));
            y = T.MultiplyAdd(xi, w, left);
        }
        else
        {
            xi = (held - left) / w;
            y = bottom;
        }
        var rest = T.Of(1) - xi;
        var mixed = xi * rest;
        var beta = T.MultiplyAdd(bend, mixed, s);
        if (!inverted)
            y += h * T.MultiplyAdd(s, xi * xi, d * mixed) / beta;
        var ratio = s / beta;
        var log = Functions.Log(ratio * ratio * Curve(s, d, next, xi, rest, mixed));
        T.Store(y + (from - held), x);
        T.Store(T.Load(logSlope) + (inverted ? -log : log), logSlope);
        if (kept == null)
            return;

        T.Store(xi, kept);
        T.Store(w, kept + Tile.Rows);
        T.Store(h, kept + 2 * Tile.Rows);
        T.Store(d, kept + 3 * Tile.Rows);
        T.Store(next, kept + 4 * Tile.Rows);
        T.Store(bin, kept + 5 * Tile.Rows);
        T.Store(before, kept + 6 * Tile.Rows);
        T.Store(below, kept + 7 * Tile.Rows);
        T.Store(wide, kept + 8 * Tile.Rows);
        T.Store(high, kept + 9 * Tile.Rows);
        T.Store(rawLeft, kept + 10 * Tile.Rows);
        T.Store(rawRight, kept + 11 * Tile.Rows);
        T.Store(T.Greater(from & T.Bits(0x7FFF_FFFF), T.Of(box)), kept + 12 * Tile.Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Back<T>(float* slope, int numbers, float* parameters, bool inverted, float* weight, float* kept)
        where T : unmanaged, IVector<T>
    {
        var stride = (3 * bins - 1) * Tile.Rows;
        for (var number = 0; number < numbers; number++, slope += Tile.Rows, parameters += stride, kept += Kept * Tile.Rows)
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            Back<T>(slope + lane, parameters + lane, inverted, weight + lane, kept + lane);
    }

    // The forward map y = F(x; θ) with log slope L(x; θ). Its inverse x(y; θ) has dx = (dy − F_θ dθ) / F_x and log slope −L(x, θ), so that both
    // directions need a F_θ + c L_θ: forward a and c are the gradients in y and L; inverted a = −(g + c L_x) / F_x with g that in x.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    void Back<T>(float* slope, float* parameters, bool inverted, float* weight, float* kept)
        where T : unmanaged, IVector<T>
    {
        T xi = T.Load(kept),
            w = T.Load(kept + Tile.Rows),
            h = T.Load(kept + 2 * Tile.Rows),
            d = T.Load(kept + 3 * Tile.Rows),
            next = T.Load(kept + 4 * Tile.Rows),
            outside = T.Load(kept + 12 * Tile.Rows),
            given = T.Load(slope),
            one = T.Of(1),
            two = T.Of(2);
        var (rest, s) = (one - xi, h / w);
        var (mixed, tilt, bend) = (xi * rest, one - two * xi, d + next - two * s);
        var (beta, q) = (T.MultiplyAdd(bend, mixed, s), Curve(s, d, next, xi, rest, mixed));
        // Derivatives in ξ.
        var qXi = two * (next * xi + s * tilt - d * rest);
        var betaXi = bend * tilt;

        T a,
            c = T.Load(weight),
            back = T.Of(0);
        if (inverted)
        {
            var ratio = s / beta;
            c = -c;
            back = T.MultiplyAdd(c, (qXi / q - two * betaXi / beta) / w, given) / (ratio * ratio * q);
            a = -back;
        }
        else
            a = given;
        a = T.Select(outside, T.Of(0), a);
        c = T.Select(outside, T.Of(0), c);

        // F = bottom + h N/β with N = sξ² + dm; L = 2 log s + log q − 2 log β.
        var share = T.MultiplyAdd(s, xi * xi, d * mixed) / beta;
        var inShare = a * h / beta;
        var inBeta = -(a * h * share + two * c) / beta;
        var inQ = c / q;
        var inS = two * c / s + inShare * xi * xi + two * inQ * mixed + inBeta * (one - two * mixed);
        var inLeftSlope = (inShare + inBeta) * mixed + inQ * rest * rest;
        var inRightSlope = inBeta * mixed + inQ * xi * xi;
        var inXi = inShare * (two * s * xi + d * tilt) + inQ * qXi + inBeta * betaXi;
        var inX = inXi / w;
        T.Store(T.Select(outside, given, inverted ? back : inX), slope);

        // From ξ = (x − left)/w, s = h/w, w = right − left and h = top − bottom.
        var inRight = -(inXi * xi + inS * s) / w;
        var inLeft = -inX - inRight;
        var inTop = a * share + inS / w;
        var inBottom = a - inTop;

        var bin = T.Load(kept + 5 * Tile.Rows);
        Softmax(parameters, bin, inLeft, inRight, T.Load(kept + 6 * Tile.Rows), T.Load(kept + 8 * Tile.Rows));
        Softmax(parameters + bins * Tile.Rows, bin, inBottom, inTop, T.Load(kept + 7 * Tile.Rows), T.Load(kept + 9 * Tile.Rows));
        var slopes = parameters + 2 * bins * Tile.Rows;
        var onLeft = inLeftSlope * Functions.Sigmoid(T.Of(Log2) * T.Load(kept + 10 * Tile.Rows));
        var onRight = inRightSlope * Functions.Sigmoid(T.Of(Log2) * T.Load(kept + 11 * Tile.Rows));
        for (var k = 0; k < bins - 1; k++)
            T.Store((T.Equal(bin, T.Of(k + 1)) & onLeft) + (T.Equal(bin, T.Of(k)) & onRight), slopes + k * Tile.Rows);
    }

    /// <summary>Shares ← the gradient in their logits, from the gradients in the knots before and after the bin.</summary>
    void Softmax<T>(float* shares, T bin, T inFirst, T inLast, T before, T own)
        where T : unmanaged, IVector<T>
    {
        // A knot moves with all shares before it.
        var (both, last) = (T.Of(span) * (inFirst + inLast), T.Of(span) * inLast);
        var mean = T.MultiplyAdd(both, before, last * own);
        for (var k = 0; k < bins; k++)
        {
            var inShare = T.Select(T.Greater(bin, T.Of(k)), both, T.Equal(bin, T.Of(k)) & last);
            T.Store(T.Load(shares + k * Tile.Rows) * (inShare - mean), shares + k * Tile.Rows);
        }
    }

    /// <summary>Logits ← exp(logit − largest); returns 1 over their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    T Exponentials<T>(float* logits)
        where T : unmanaged, IVector<T>
    {
        var largest = T.Load(logits);
        for (var k = 1; k < bins; k++)
            largest = T.Max(largest, T.Load(logits + k * Tile.Rows));
        T sum = T.Of(0),
            plain = T.Of(0);
        for (var k = 0; k < bins; k++)
        {
            var logit = T.Load(logits + k * Tile.Rows) - largest;
            var e = Functions.ExpHeld(logit);
            T.Store(e, logits + k * Tile.Rows);
            sum += e;
            plain += logit;
        }
        // The sum of the logits is NaN if one of them is; their held exponentials are not.
        return T.Of(1) / T.Select(T.Equal(plain, plain), sum, plain);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Share<T>(float* exponentials, int k, T perSum)
        where T : unmanaged, IVector<T>
    {
        var share = T.Load(exponentials + k * Tile.Rows) * perSum;
        T.Store(share, exponentials + k * Tile.Rows);
        return share;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    T Knot<T>(T cumulative, T k)
        where T : unmanaged, IVector<T> => T.MultiplyAdd(cumulative, T.Of(span), T.MultiplyAdd(k, T.Of(floor), T.Of(-box)));

    /// <summary>q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Curve<T>(T s, T d, T next, T xi, T rest, T mixed)
        where T : unmanaged, IVector<T> => T.MultiplyAdd(next, xi * xi, T.MultiplyAdd(s + s, mixed, d * rest * rest));

    /// <summary>log₂(1 + 2ˣ), also to its last digits where it is small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Slope<T>(T x)
        where T : unmanaged, IVector<T>
    {
        var e = Functions.Exp(T.Of(-Log2) * (x & T.Bits(0x7FFF_FFFF)));
        var sum = T.Of(1) + e;
        // The rounding error of the sum cancels in log(sum) / (sum − 1).
        var log = T.Select(T.Equal(sum, T.Of(1)), e, Functions.Log(sum) * (e / (sum - T.Of(1))));
        return T.MultiplyAdd(log, T.Of(1 / Log2), T.Max(x, T.Of(0)));
    }
}
