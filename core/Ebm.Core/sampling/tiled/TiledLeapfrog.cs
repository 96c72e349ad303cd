namespace Ebm.Core;

/// <summary>The twin of <see cref="Leapfrog"/>: p ← p − (ε/2)∇E, x ← x + ε p, p ← p − (ε/2)∇E.</summary>
sealed unsafe class TiledLeapfrog(PerRow step, int count, double temperature) : TiledProposal
{
    public override int Draws => 1;

    public override double Temperature => temperature;

    public override bool CarriesEnergy => true;

    // The step sizes, then the momentum as drawn and as it is.
    public override int Memory(int numbers) => (1 + 2 * numbers) * Tile.Rows;

    public override void Begin(long first, int count, float* memory) => step.Gather(first, count, memory);

    public override void Propose<T>(ref TiledChains chains, float* memory)
    {
        var size = chains.State.Size;
        float* drawn = memory + Tile.Rows,
            p = drawn + size;
        chains.Computed += chains.State.Under<T>(withSlope: true);
        chains.Draws.Normal<T>(drawn);
        for (var i = 0; i < size; i += T.Lanes)
        {
            var momentum = T.Of((float)Math.Sqrt(temperature)) * T.Load(drawn + i);
            T.Store(momentum, drawn + i);
            T.Store(momentum, p + i);
        }

        ref var from = ref chains.State;
        for (var leap = 0; leap < count; leap++)
        {
            ref var to = ref chains.Candidate;
            for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            {
                var (whole, half) = (T.Load(memory + lane), T.Load(memory + lane) / T.Of(2));
                for (var i = lane; i < size; i += Tile.Rows)
                {
                    var kicked = T.Load(p + i) - half * T.Load(from.Slope + i);
                    T.Store(kicked, p + i);
                    T.Store(T.Load(from.Position + i) + whole * kicked, to.Position + i);
                }
            }
            to.Moved();
            chains.Computed += to.Under<T>(withSlope: true);
            for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            {
                var half = T.Load(memory + lane) / T.Of(2);
                for (var i = lane; i < size; i += Tile.Rows)
                    T.Store(T.Load(p + i) - half * T.Load(to.Slope + i), p + i);
            }
            from = ref to;
        }
    }

    public override void LogRatio<T>(in TiledChains chains, float* ratio, float* memory)
    {
        var size = chains.State.Size;
        float* drawn = memory + Tile.Rows,
            p = drawn + size;
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var i = lane; i < size; i += Tile.Rows)
                sum += T.Load(drawn + i) * T.Load(drawn + i) - T.Load(p + i) * T.Load(p + i);
            T.Store(sum / T.Of((float)(2 * temperature)), ratio + lane);
        }
    }
}
