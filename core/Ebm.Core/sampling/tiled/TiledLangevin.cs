namespace Ebm.Core;

/// <summary>The twin of <see cref="Langevin"/>: x′ = x − ε ∇E(x) + √(2εT) ξ.</summary>
sealed unsafe class TiledLangevin(PerRow step, double temperature) : TiledProposal
{
    public override int Draws => 1;

    public override double Temperature => temperature;

    // The step sizes, then the noise.
    public override int Memory(int numbers) => (1 + numbers) * Tile.Rows;

    public override void Begin(long first, int count, float* memory) => step.Gather(first, count, memory);

    public override void Propose<T>(ref TiledChains chains, float* memory)
    {
        var noise = memory + Tile.Rows;
        chains.Computed += chains.State.Under<T>(withSlope: true);
        chains.Draws.Normal<T>(noise);
        var (from, to) = (chains.State, chains.Candidate);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var size = T.Load(memory + lane);
            var spread = T.Sqrt(T.Of((float)(2 * temperature)) * size);
            for (var i = lane; i < from.Size; i += Tile.Rows)
            {
                var moved = spread * T.Load(noise + i);
                T.Store(moved, noise + i);
                T.Store(T.Load(from.Position + i) - size * T.Load(from.Slope + i) + moved, to.Position + i);
            }
        }
        chains.Candidate.Moved();
    }

    public override void LogRatio<T>(in TiledChains chains, float* ratio, float* memory)
    {
        var noise = memory + Tile.Rows;
        var (from, to) = (chains.State, chains.Candidate);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var size = T.Load(memory + lane);
            var sum = T.Of(0);
            for (var i = lane; i < from.Size; i += Tile.Rows)
            {
                var back = T.Load(from.Position + i) - T.Load(to.Position + i) + size * T.Load(to.Slope + i);
                var forth = T.Load(noise + i);
                sum += forth * forth - back * back;
            }
            T.Store(sum / (T.Of((float)(4 * temperature)) * size), ratio + lane);
        }
    }
}
