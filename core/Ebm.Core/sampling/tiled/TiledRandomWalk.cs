namespace Ebm.Core;

// Proposals that do not use the energy: an accept test compares energies alone.

/// <summary>The twin of <see cref="RandomWalk"/>: x′ = x + sξ.</summary>
sealed unsafe class TiledRandomWalk(PerRow length, double temperature) : TiledProposal
{
    public override int Draws => 1;

    public override double Temperature => temperature;

    public override bool UsesSlopes => false;

    public override int Memory(int numbers) => Tile.Rows;

    public override void Begin(long first, int count, float* memory) => length.Gather(first, count, memory);

    public override void Propose<T>(ref TiledChains chains, float* memory)
    {
        var (from, to) = (chains.State, chains.Candidate);
        chains.Draws.Normal<T>(to.Position);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var s = T.Load(memory + lane);
            for (var i = lane; i < from.Size; i += Tile.Rows)
                T.Store(T.Load(from.Position + i) + s * T.Load(to.Position + i), to.Position + i);
        }
        chains.Candidate.Moved();
    }

    public override void LogRatio<T>(in TiledChains chains, float* ratio, float* memory) => new Span<float>(ratio, Tile.Rows).Clear();
}

/// <summary>The twin of the proposals of <see cref="IndependentMetropolisSpec"/>: z′ ~ N(0, I), independent of z.</summary>
sealed unsafe class TiledFresh : TiledProposal
{
    public override int Draws => 1;

    public override double Temperature => 1;

    public override bool UsesSlopes => false;

    public override int Memory(int numbers) => 0;

    public override void Begin(long first, int count, float* memory) { }

    public override void Propose<T>(ref TiledChains chains, float* memory)
    {
        chains.Draws.Normal<T>(chains.Candidate.Position);
        chains.Candidate.Moved();
    }

    public override void LogRatio<T>(in TiledChains chains, float* ratio, float* memory)
    {
        var (from, to) = (chains.State, chains.Candidate);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var sum = T.Of(0);
            for (var i = lane; i < from.Size; i += Tile.Rows)
                sum += T.Load(to.Position + i) * T.Load(to.Position + i) - T.Load(from.Position + i) * T.Load(from.Position + i);
            T.Store(sum / T.Of(2), ratio + lane);
        }
    }
}
