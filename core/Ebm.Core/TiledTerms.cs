using System.Runtime.CompilerServices;

namespace Ebm.Core;

// The sums, products and closed forms of Energy, on tiles. Each computes what its twin in Energy computes on tensors.

/// <summary>a + b.</summary>
sealed unsafe class TiledSum(TiledEnergy a, TiledEnergy b, Tensor x) : TiledEnergy
{
    readonly int size = Numbers(x) * Tile.Rows;

    // The slope and the energy of b come first, then the memories of both.
    public override int Memory => size + Tile.Rows + a.Memory + b.Memory;

    public override void Begin(long first, int count, float* memory)
    {
        a.Begin(first, count, OfA(memory));
        b.Begin(first, count, OfB(memory));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* other = memory + size;
        a.At<T>(x, energy, slope, OfA(memory));
        b.At<T>(x, other, slope == null ? null : memory, OfB(memory));
        Plus<T>(energy, other, Tile.Rows);
        if (slope != null)
            Plus<T>(slope, memory, size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Plus<T>(float* to, float* from, int count)
        where T : unmanaged, IVector<T>
    {
        for (var i = 0; i < count; i += T.Lanes)
            T.Store(T.Load(to + i) + T.Load(from + i), to + i);
    }

    float* OfA(float* memory) => memory + size + Tile.Rows;

    float* OfB(float* memory) => OfA(memory) + a.Memory;
}

/// <summary>β times an energy.</summary>
sealed unsafe class TiledProduct(PerRow beta, TiledEnergy of, Tensor x) : TiledEnergy
{
    readonly int size = Numbers(x) * Tile.Rows;

    public override int Memory => Tile.Rows + of.Memory;

    public override void Begin(long first, int count, float* memory)
    {
        beta.Gather(first, count, memory);
        of.Begin(first, count, memory + Tile.Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        of.At<T>(x, energy, slope, memory + Tile.Rows);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var factor = T.Load(memory + lane);
            T.Store(factor * T.Load(energy + lane), energy + lane);
            for (var i = lane; slope != null && i < size; i += Tile.Rows)
                T.Store(factor * T.Load(slope + i), slope + i);
        }
    }
}

/// <summary>|scale·x − towards|² / 2 spread².</summary>
sealed unsafe class TiledTether(Tensor towards, PerRow scale, PerRow spread) : TiledEnergy
{
    readonly Tensor towards = towards.contiguous();
    readonly int numbers = Numbers(towards);

    // Scale, spread, then the tile of towards.
    public override int Memory => (2 + numbers) * Tile.Rows;

    public override void Begin(long first, int count, float* memory)
    {
        scale.Gather(first, count, memory);
        spread.Gather(first, count, memory + Tile.Rows);
        Tile.Gather(Floats.Of(towards), first, count, numbers, memory + 2 * Tile.Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var (a, s) = (T.Load(memory + lane), T.Load(memory + Tile.Rows + lane));
            var ratio = a / s;
            var sum = T.Of(0);
            for (var i = lane; i < numbers * Tile.Rows; i += Tile.Rows)
            {
                var residual = (a * T.Load(x + i) - T.Load(memory + 2 * Tile.Rows + i)) / s;
                sum += residual * residual;
                if (slope != null)
                    T.Store(residual * ratio, slope + i);
            }
            T.Store(T.Of(.5f) * sum, energy + lane);
        }
    }
}

/// <summary>|x|² / 2 width².</summary>
sealed unsafe class TiledConfinement(double width, Tensor x) : TiledEnergy
{
    readonly int numbers = Numbers(x);
    readonly float strength = (float)(1 / (width * width));

    public override int Memory => 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        var k = T.Of(strength);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var i = lane; i < numbers * Tile.Rows; i += Tile.Rows)
            {
                var at = T.Load(x + i);
                sum += at * at;
                if (slope != null)
                    T.Store(k * at, slope + i);
            }
            T.Store(T.Of(.5f) * k * sum, energy + lane);
        }
    }
}

/// <summary>An energy whose slope is clipped to ±limit; a slope of NaN stays NaN.</summary>
sealed unsafe class TiledCut(double limit, TiledEnergy of, Tensor x) : TiledEnergy
{
    readonly int size = Numbers(x) * Tile.Rows;

    public override int Memory => of.Memory;

    public override void Begin(long first, int count, float* memory) => of.Begin(first, count, memory);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        of.At<T>(x, energy, slope, memory);
        var bound = T.Of((float)limit);
        for (var i = 0; slope != null && i < size; i += T.Lanes)
        {
            var at = T.Load(slope + i);
            T.Store(T.Select(T.Equal(at, at), T.Min(T.Max(at, -bound), bound), at), slope + i);
        }
    }
}

/// <summary>max(E, least), with slope 0 below; NaN stays NaN.</summary>
sealed unsafe class TiledFloor(double least, TiledEnergy of, Tensor x) : TiledEnergy
{
    readonly int size = Numbers(x) * Tile.Rows;

    public override int Memory => of.Memory;

    public override void Begin(long first, int count, float* memory) => of.Begin(first, count, memory);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        of.At<T>(x, energy, slope, memory);
        var bottom = T.Of((float)least);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var e = T.Load(energy + lane);
            var below = T.Equal(T.Max(e, bottom), bottom) & T.Equal(e, e);
            T.Store(T.Select(below, bottom, e), energy + lane);
            for (var i = lane; slope != null && i < size; i += Tile.Rows)
                T.Store(T.Select(below, T.Of(0), T.Load(slope + i)), slope + i);
        }
    }
}

/// <summary>One number for all rows, (1) or a scalar, or one per row, (B).</summary>
sealed unsafe class PerRow(Tensor values)
{
    readonly Tensor values = values.contiguous();
    readonly bool same = values.numel() == 1;

    /// <summary>Null if the values, or the rows that they are for, cannot be read as plain memory.</summary>
    public static PerRow? Of(Tensor values, Tensor rows) =>
        TiledEnergy.Takes(values) && (values.numel() == 1 || values.numel() == rows.shape[0]) ? new(values) : null;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Gather(long first, int count, float* to)
    {
        var from = Floats.Of(values);
        for (var lane = 0; lane < Tile.Rows; lane++)
            to[lane] = same ? from[0] : from[first + Math.Min(lane, count - 1)];
    }
}
