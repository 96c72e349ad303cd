namespace Ebm.Core;

/// <summary>The twin of <see cref="Within"/>: positions clamped to ±bound after each step. NaN stays NaN.</summary>
sealed unsafe class TiledWithin(TiledKernel kernel, double bound) : TiledKernel
{
    public override int Draws => kernel.Draws;

    public override int Memory(int numbers) => kernel.Memory(numbers);

    public override void Begin(long first, int count, float* memory) => kernel.Begin(first, count, memory);

    public override void Step<T>(ref TiledChains chains)
    {
        kernel.Step<T>(ref chains);
        var x = chains.State.Position;
        var limit = T.Of((float)bound);
        for (var i = 0; i < chains.State.Size; i += T.Lanes)
        {
            var at = T.Load(x + i);
            T.Store(T.Select(T.Equal(at, at), T.Min(T.Max(at, -limit), limit), at), x + i);
        }
        chains.State.Moved();
        if (kernel.CarriesMomentum)
            new Span<float>(chains.Momentum, chains.State.Size).Clear();
    }
}
