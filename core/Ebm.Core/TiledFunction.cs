using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// A differentiable map of rows on tiles (<see cref="Tile"/>), y = f(x), with the product of its Jacobian and a vector, Jᵀ dy, in closed form and
/// without tensors. It has the weights that its network had when it was made. A row's bits depend neither on the other rows nor on threads and vector
/// widths.
/// </summary>
public abstract unsafe class TiledFunction
{
    /// <summary>Numbers in a row of x.</summary>
    public abstract int Inputs { get; }

    /// <summary>Numbers in a row of y.</summary>
    public abstract int Outputs { get; }

    /// <summary>Floats of memory that one tile needs.</summary>
    public abstract int Memory { get; }

    /// <summary>Reads what belongs to these rows, such as noise levels, into the tile's memory.</summary>
    /// <param name="first">The tile's first row in the batch for which the map was made.</param>
    /// <param name="count">Its rows, 1 … 32.</param>
    public virtual void Begin(long first, int count, float* memory) { }

    /// <summary>y = f(x).</summary>
    /// <param name="x">Inputs · 32 floats.</param>
    /// <param name="y">Outputs · 32 floats.</param>
    /// <param name="keeps">Whether <see cref="Back"/> follows.</param>
    /// <param name="memory">Of <see cref="Memory"/> floats, begun.</param>
    public abstract void Through<T>(float* x, float* y, bool keeps, float* memory)
        where T : unmanaged, IVector<T>;

    /// <summary>dx = Jᵀ dy at the x of the last call of <see cref="Through"/> with this memory, once.</summary>
    /// <param name="dy">Outputs · 32 floats.</param>
    /// <param name="dx">Inputs · 32 floats.</param>
    public abstract void Back<T>(float* dy, float* dx, float* memory)
        where T : unmanaged, IVector<T>;
}

/// <summary>A network that can compute its outputs in plain memory.</summary>
public interface ITiledFunction
{
    /// <summary>The network with its present weights; null if it cannot compute outputs for a batch such as x.</summary>
    /// <param name="x">(B, …), float32 on the CPU.</param>
    TiledFunction? Map(Tensor x);
}

/// <summary>E(f(x)) with the slope Jᵀ ∇E: an energy of what a map makes of a row.</summary>
public sealed unsafe class TiledComposed(TiledFunction map, TiledEnergy energy) : TiledEnergy
{
    readonly int size = map.Outputs * Tile.Rows;

    // y, dy, then the memories of both.
    public override int Memory => 2 * size + map.Memory + energy.Memory;

    public override void Begin(long first, int count, float* memory)
    {
        map.Begin(first, count, OfMap(memory));
        energy.Begin(first, count, OfEnergy(memory));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* value, float* slope, float* memory)
    {
        map.Through<T>(x, memory, slope != null, OfMap(memory));
        energy.At<T>(memory, value, slope == null ? null : memory + size, OfEnergy(memory));
        if (slope != null)
            map.Back<T>(memory + size, slope, OfMap(memory));
    }

    float* OfMap(float* memory) => memory + 2 * size;

    float* OfEnergy(float* memory) => OfMap(memory) + map.Memory;
}
