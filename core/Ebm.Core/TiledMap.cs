using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// An invertible map y = f(x) of rows on tiles (<see cref="Tile"/>), with log |det ∂y/∂x| and the transposes of its derivatives in closed form. It has
/// the weights that its network had when it was made. A row's bits depend neither on the other rows nor on threads and vector widths.
/// </summary>
/// <param name="shape">Of a row of results.</param>
public abstract unsafe class TiledMap(long[] shape)
{
    /// <summary>Numbers of a row, the same of x and y.</summary>
    public int Numbers { get; } = (int)shape.Size();

    /// <summary>Floats of memory that one tile needs.</summary>
    public abstract int Memory { get; }

    /// <summary>y and log |det ∂y/∂x| of a tile.</summary>
    /// <param name="x">Numbers · 32 floats.</param>
    /// <param name="y">As x, apart from it.</param>
    /// <param name="logVolume">32 floats.</param>
    /// <param name="keeps">Whether the memory keeps what <see cref="Back"/> reads.</param>
    public abstract void At<T>(float* x, float* y, float* logVolume, bool keeps, float* memory)
        where T : unmanaged, IVector<T>;

    /// <summary>slope ← (∂y/∂x)ᵀ slope + weight ∇ log |det ∂y/∂x| at the x that the memory keeps; it is used once.</summary>
    /// <param name="slope">Numbers · 32 floats.</param>
    /// <param name="weight">32 floats.</param>
    public abstract void Back<T>(float* slope, float* weight, float* memory)
        where T : unmanaged, IVector<T>;

    /// <summary>Memory for the results of a batch: (B, …shape).</summary>
    public Tensor Results(Tensor x) => empty(shape.Rows(x.shape[0]), dtype: float32);

    /// <summary>Results and log volumes of a whole batch: (B, …) → (B, …shape) and (B).</summary>
    public (Tensor Y, Tensor LogVolume) Of(Tensor x)
    {
        var rows = x.contiguous();
        var (y, logVolume) = (Results(x), empty(x.shape[0], dtype: float32));
        if (x.shape[0] > 0)
            Vectors.Run(new Batch(this, Floats.Of(rows), Floats.Of(y), Floats.Of(logVolume), x.shape[0]));
        GC.KeepAlive(rows);
        return (y, logVolume);
    }

    readonly struct Batch(TiledMap of, float* x, float* y, float* logVolume, long rows) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> =>
            Tile.Each(rows, (2 * of.Numbers + 1) * Tile.Rows + of.Memory, new Work<T>(of, x, y, logVolume));
    }

    readonly struct Work<T>(TiledMap of, float* x, float* y, float* logVolume) : ITileWork
        where T : unmanaged, IVector<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(long first, int count, float* memory)
        {
            float* at = memory,
                to = at + of.Numbers * Tile.Rows,
                volume = to + of.Numbers * Tile.Rows;
            Tile.Gather(x, first, count, of.Numbers, at);
            of.At<T>(at, to, volume, keeps: false, volume + Tile.Rows);
            Tile.Scatter(to, first, count, of.Numbers, y);
            Tile.Scatter(volume, first, count, 1, logVolume);
        }
    }
}

/// <summary>A flow that can compute itself in plain memory.</summary>
public interface ITiledFlow
{
    /// <summary>The flow or its inverse with the present weights; null if it cannot compute it.</summary>
    TiledMap? Tiled(bool inverted);
}

/// <summary>−log g(x) = |z|²/2 + ½ n log 2π − log |det ∂z/∂x| with z = G⁻¹(x).</summary>
sealed unsafe class TiledDensity(TiledMap inverse) : TiledEnergy
{
    readonly int size = inverse.Numbers * Tile.Rows;
    readonly float constant = (float)(inverse.Numbers * Math.Log(2 * Math.PI) / 2);

    // z, the log volume, its weight, then the map's memory.
    public override int Memory => size + 2 * Tile.Rows + inverse.Memory;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* volume = memory + size,
            weight = volume + Tile.Rows,
            own = weight + Tile.Rows;
        inverse.At<T>(x, memory, volume, slope != null, own);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var i = lane; i < size; i += Tile.Rows)
                sum = T.MultiplyAdd(T.Load(memory + i), T.Load(memory + i), sum);
            T.Store(T.Of(.5f) * sum - T.Load(volume + lane) + T.Of(constant), energy + lane);
            T.Store(T.Of(-1), weight + lane);
        }
        if (slope == null)
            return;
        Buffer.MemoryCopy(memory, slope, size * sizeof(float), size * sizeof(float));
        inverse.Back<T>(slope, weight, own);
    }
}

/// <summary>E(G(z)).</summary>
sealed unsafe class TiledAfter(TiledEnergy of, TiledMap map) : TiledEnergy
{
    readonly int size = map.Numbers * Tile.Rows;

    // x = G(z), the log volume and its weight, which is 0, then the memories of the energy and the map.
    public override int Memory => size + 2 * Tile.Rows + of.Memory + map.Memory;

    public override void Begin(long first, int count, float* memory) => of.Begin(first, count, memory + size + 2 * Tile.Rows);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* volume = memory + size,
            own = volume + 2 * Tile.Rows,
            pushed = own + of.Memory;
        map.At<T>(x, memory, volume, slope != null, pushed);
        of.At<T>(memory, energy, slope, own);
        if (slope == null)
            return;
        new Span<float>(volume + Tile.Rows, Tile.Rows).Clear();
        map.Back<T>(slope, volume + Tile.Rows, pushed);
    }
}
