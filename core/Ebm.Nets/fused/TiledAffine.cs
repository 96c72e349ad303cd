using System.Runtime.CompilerServices;

namespace Ebm.Nets;

/// <summary>y = x exp(s) + t with s = bound · tanh(θ₀ / bound) and t = θ₁ on tiles, the twin of <see cref="Affine"/>.</summary>
static unsafe class TiledAffine
{
    /// <summary>exp(±s), ds/dθ₀, and the larger of the two numbers in the product: x forward, y inverted.</summary>
    public const int Kept = 3;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map<T>(float bound, float* x, int numbers, float* parameters, bool inverted, float* logSlope, float* kept)
        where T : unmanaged, IVector<T>
    {
        for (var number = 0; number < numbers; number++, x += Tile.Rows, parameters += 2 * Tile.Rows)
        {
            for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            {
                var turned = Functions.Tanh(T.Load(parameters + lane) / T.Of(bound));
                var (s, t) = (T.Of(bound) * turned, T.Load(parameters + Tile.Rows + lane));
                s = inverted ? -s : s;
                var (from, factor) = (T.Load(x + lane), Functions.Exp(s));
                var y = inverted ? (from - t) * factor : T.MultiplyAdd(from, factor, t);
                T.Store(y, x + lane);
                T.Store(T.Load(logSlope + lane) + s, logSlope + lane);
                if (kept == null)
                    continue;
                T.Store(factor, kept + lane);
                T.Store(T.Of(1) - turned * turned, kept + Tile.Rows + lane);
                T.Store(inverted ? y : from * factor, kept + 2 * Tile.Rows + lane);
            }
            if (kept != null)
                kept += Kept * Tile.Rows;
        }
    }

    // With p = x exp(s): ∂y/∂s = p and ∂y/∂t = 1. Inverted, ∂y/∂s = −y and ∂y/∂t = −exp(−s).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Back<T>(float* slope, int numbers, float* parameters, bool inverted, float* weight, float* kept)
        where T : unmanaged, IVector<T>
    {
        for (var number = 0; number < numbers; number++, slope += Tile.Rows, parameters += 2 * Tile.Rows, kept += Kept * Tile.Rows)
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var (factor, turn, product) = (T.Load(kept + lane), T.Load(kept + Tile.Rows + lane), T.Load(kept + 2 * Tile.Rows + lane));
            var (g, volume) = (T.Load(slope + lane), T.Load(weight + lane));
            var inS = T.MultiplyAdd(g, product, volume);
            var inX = g * factor;
            T.Store((inverted ? -inS : inS) * turn, parameters + lane);
            T.Store(inverted ? -inX : g, parameters + Tile.Rows + lane);
            T.Store(inX, slope + lane);
        }
    }
}
