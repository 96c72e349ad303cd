using System.Runtime.CompilerServices;
using Ebm.Core;
using Ebm.Devices;

namespace Ebm.Methods;

/// <summary>
/// The texture energy on tiles, by way of u = (r(x̃, σ) − x̃)/σ, in which σ cancels: with x̃ = x + σξ,
/// <code>U^c(x, σ) = |x − r(x̃, σ)|² / 2σ² = |u + ξ|² / 2,   ∇U^c = J_uᵀ (u + ξ)</code>
/// so that no difference of nearly equal numbers is divided by a small σ.
/// </summary>
/// <param name="shift">x̃ ↦ u.</param>
/// <param name="sigma">σ of each row: (B).</param>
/// <param name="xi">ξ, (B, …); null without noise.</param>
sealed unsafe class TiledReconstructionError(TiledFunction shift, Tensor sigma, Tensor? xi) : TiledEnergy
{
    readonly Tensor sigma = sigma.contiguous();
    readonly Tensor? xi = xi?.contiguous();
    readonly int size = shift.Inputs * Tile.Rows;

    // u + ξ, x̃, ξ, σ, then the map's memory.
    public override int Memory => 3 * size + Tile.Rows + shift.Memory;

    public override void Begin(long first, int count, float* memory)
    {
        shift.Begin(first, count, Own(memory));
        if (xi is null)
            return;
        Tile.Gather(Floats.Of(xi), first, count, shift.Inputs, memory + 2 * size);
        Tile.Gather(Floats.Of(sigma), first, count, 1, memory + 3 * size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void At<T>(float* x, float* energy, float* slope, float* memory)
    {
        float* residual = memory,
            noisy = memory + size,
            noise = memory + 2 * size,
            spread = memory + 3 * size;
        for (var i = 0; xi is not null && i < size; i += T.Lanes)
            T.Store(T.MultiplyAdd(T.Load(spread + i % Tile.Rows), T.Load(noise + i), T.Load(x + i)), noisy + i);
        shift.Through<T>(xi is null ? x : noisy, residual, slope != null, Own(memory));
        for (var i = 0; xi is not null && i < size; i += T.Lanes)
            T.Store(T.Load(residual + i) + T.Load(noise + i), residual + i);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var i = lane; i < size; i += Tile.Rows)
                sum = T.MultiplyAdd(T.Load(residual + i), T.Load(residual + i), sum);
            T.Store(T.Of(.5f) * sum, energy + lane);
        }
        if (slope != null)
            shift.Back<T>(residual, slope, Own(memory));
    }

    float* Own(float* memory) => memory + 3 * size + Tile.Rows;
}
