using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// An energy and its slope on tiles of rows in plain memory (<see cref="Tile"/>), in closed form and without tensors. Chains run on it tile by tile,
/// all steps of a tile while it is in the cache. It has the weights that its network had when it was made. A row's bits depend neither on the other
/// rows nor on threads and vector widths.
/// </summary>
public abstract unsafe class TiledEnergy
{
    /// <summary>Floats of memory that one tile needs.</summary>
    public abstract int Memory { get; }

    /// <summary>Reads what belongs to these rows, such as levels and tethers, into the tile's memory.</summary>
    /// <param name="first">The tile's first row in the batch for which the energy was made.</param>
    /// <param name="count">Its rows, 1 … 32; the other lanes may have any finite value.</param>
    public virtual void Begin(long first, int count, float* memory) { }

    /// <summary>Energy, and slope if it is wanted, of the tile for which the memory was begun.</summary>
    /// <param name="x">Positions: numbers of a row · 32.</param>
    /// <param name="energy">32 floats.</param>
    /// <param name="slope">As x; null if only the energy is wanted.</param>
    /// <param name="memory">Of <see cref="Memory"/> floats, begun.</param>
    public abstract void At<T>(float* x, float* energy, float* slope, float* memory)
        where T : unmanaged, IVector<T>;

    /// <summary>Numbers of one row of a batch.</summary>
    protected static int Numbers(Tensor x) => (int)(x.numel() / Math.Max(1, x.shape[0]));

    /// <summary>Whether tensors such as x can be read as plain memory: float32, on the CPU.</summary>
    public static bool Takes(Tensor x) => x.dtype == float32 && x.device_type == DeviceType.CPU;

    /// <summary>Energy and slope of a whole batch: (B, …) → (B) and (B, …).</summary>
    internal (Tensor Energy, Tensor Slope) Of(Tensor x)
    {
        var rows = x.contiguous();
        var (energy, slope) = (empty(x.shape[0], dtype: float32), empty_like(rows));
        Evaluate(rows, energy, slope);
        return (energy, slope);
    }

    /// <summary>Energies of a whole batch: (B, …) → (B).</summary>
    internal Tensor ValueOf(Tensor x)
    {
        var energy = empty(x.shape[0], dtype: float32);
        Evaluate(x.contiguous(), energy, null);
        return energy;
    }

    void Evaluate(Tensor x, Tensor energy, Tensor? slope)
    {
        if (x.shape[0] == 0)
            return;
        var width = (int)(x.numel() / x.shape[0]);
        Vectors.Run(new Batch(this, Floats.Of(x), Floats.Of(energy), slope is null ? null : Floats.Of(slope), x.shape[0], width));
    }

    readonly struct Batch(TiledEnergy of, float* x, float* energy, float* slope, long rows, int width) : IVectorWork
    {
        public void Run<T>()
            where T : unmanaged, IVector<T> =>
            Tile.Each(rows, (2 * width + 1) * Tile.Rows + of.Memory, new Work<T>(of, x, energy, slope, width));
    }

    readonly struct Work<T>(TiledEnergy of, float* x, float* energy, float* slope, int width) : ITileWork
        where T : unmanaged, IVector<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(long first, int count, float* memory)
        {
            float* at = memory,
                grad = at + width * Tile.Rows,
                value = grad + width * Tile.Rows,
                own = value + Tile.Rows;
            Tile.Gather(x, first, count, width, at);
            of.Begin(first, count, own);
            of.At<T>(at, value, slope == null ? null : grad, own);
            Tile.Scatter(value, first, count, 1, energy);
            if (slope != null)
                Tile.Scatter(grad, first, count, width, slope);
        }
    }
}

/// <summary>A network whose outputs are energies that it can compute in plain memory.</summary>
public interface ITiled
{
    /// <summary>One output of each row as an energy, with the present weights; null if the network cannot compute it for a batch such as x.</summary>
    /// <param name="x">(B, …), float32 on the CPU.</param>
    /// <param name="column">The output of each row, (B) int64; null for the only output.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column does not exist.</exception>
    TiledEnergy? Tiled(Tensor x, Tensor? column);
}

/// <summary>The memory of tensors.</summary>
public static unsafe class Floats
{
    /// <summary>The first number of a contiguous float32 tensor on the CPU. Valid while the tensor lives.</summary>
    /// <exception cref="ArgumentException">The tensor is another one.</exception>
    public static float* Of(Tensor tensor)
    {
        if (!TiledEnergy.Takes(tensor) || !tensor.is_contiguous())
            throw new ArgumentException($"the tensor is {tensor.dtype} on {tensor.device} and must be contiguous float32 on the CPU");
        fixed (byte* first = tensor.bytes)
            return (float*)first;
    }
}
