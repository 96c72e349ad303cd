using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ebm.Metrics;

/// <summary>x = m + Az on tiles, the twin of <see cref="MatchedGaussian.From"/>.</summary>
sealed unsafe class TiledGaussian : TiledFunction
{
    readonly int numbers;
    readonly float[] mean,
        factor;

    public TiledGaussian(MatchedGaussian gaussian)
    {
        using var scope = NewDisposeScope();
        numbers = (int)gaussian.Mean.shape[0];
        // Pinned, because kernels read them by address.
        (mean, factor) = (Pinned(Tile.Padded(numbers)), Pinned(Tile.Packed(numbers, numbers)));
        gaussian.Mean.to(float32).cpu().data<float>().CopyTo(mean);
        var a = gaussian.Factor.to(float32).cpu().contiguous();
        Tile.Pack(Floats.Of(a), numbers, numbers, Address(factor));
        GC.KeepAlive(a);
    }

    public override int Inputs => numbers;
    public override int Outputs => numbers;

    // A product fills whole panels.
    public override int Memory => Tile.Padded(numbers) * Tile.Rows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Through<T>(float* x, float* y, bool keeps, float* memory)
    {
        Tile.Multiply<T>(Address(factor), Address(mean), numbers, numbers, x, memory);
        Copy(memory, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Back<T>(float* dy, float* dx, float* memory)
    {
        Tile.MultiplyTransposed<T>(Address(factor), null, numbers, numbers, numbers, dy, memory);
        Copy(memory, dx);
    }

    void Copy(float* from, float* to) =>
        new ReadOnlySpan<float>(from, numbers * Tile.Rows).CopyTo(new Span<float>(to, numbers * Tile.Rows));

    static float[] Pinned(int floats) => GC.AllocateArray<float>(floats, pinned: true);

    static float* Address(float[] array) => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
}
