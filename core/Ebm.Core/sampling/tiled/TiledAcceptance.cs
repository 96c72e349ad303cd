namespace Ebm.Core;

// The twins of Unadjusted and Metropolis.

/// <summary>Accepts every proposal.</summary>
sealed unsafe class TiledUnadjusted(TiledProposal proposal) : TiledKernel
{
    public override int Draws => proposal.Draws;

    public override bool CarriesEnergy => proposal.CarriesEnergy;

    public override int Memory(int numbers) => proposal.Memory(numbers);

    public override void Begin(long first, int count, float* memory) => proposal.Begin(first, count, memory);

    public override void Step<T>(ref TiledChains chains)
    {
        proposal.Propose<T>(ref chains, chains.Own);
        (chains.State, chains.Candidate) = (chains.Candidate, chains.State);
        chains.AcceptAll<T>();
    }
}

/// <summary>Accepts with probability min(1, exp((E − E′)/T) q(x | x′)/q(x′ | x)), and rejects a candidate without a finite energy.</summary>
sealed unsafe class TiledMetropolis(TiledProposal proposal) : TiledKernel
{
    public override int Draws => proposal.Draws + 1;

    public override bool CarriesEnergy => true;

    // The uniform numbers and the log ratios of the rows come first, then the proposal's memory.
    public override int Memory(int numbers) => 2 * Tile.Rows + proposal.Memory(numbers);

    public override void Begin(long first, int count, float* memory) => proposal.Begin(first, count, memory + 2 * Tile.Rows);

    public override void Step<T>(ref TiledChains chains)
    {
        float* uniform = chains.Own,
            ratio = uniform + Tile.Rows,
            own = ratio + Tile.Rows;
        chains.Computed += chains.State.Under<T>(proposal.UsesSlopes);
        proposal.Propose<T>(ref chains, own);
        chains.Computed += chains.Candidate.Under<T>(proposal.UsesSlopes);
        proposal.LogRatio<T>(chains, ratio, own);
        chains.Draws.UniformPerRow<T>(uniform);

        var (from, to) = (chains.State, chains.Candidate);
        var accepted = chains.Accepted;
        var temperature = T.Of((float)proposal.Temperature);
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
        {
            var (here, there) = (T.Load(from.Energy + lane), T.Load(to.Energy + lane));
            var probability = Probability((here - there) / temperature + T.Load(ratio + lane), there);
            T.Store(T.Load(accepted + lane) + probability, accepted + lane);

            var accept = T.Greater(probability, T.Load(uniform + lane));
            T.Store(T.Select(accept, there, here), from.Energy + lane);
            Choose(accept, to.Position + lane, from.Position + lane, from.Size);
            if (from.HasSlope)
                Choose(accept, to.Slope + lane, from.Slope + lane, from.Size);
        }
    }

    /// <summary>min(1, eˡ); 0 for a ratio of NaN and for an energy that is not finite.</summary>
    static T Probability<T>(T log, T energy)
        where T : unmanaged, IVector<T>
    {
        var finite = T.Equal(energy - energy, T.Of(0));
        // Exp returns more than 0 for arguments below its range.
        var possible = T.Greater(log, T.Of(-87)) & finite;
        return possible & Functions.Exp(T.Min(log, T.Of(0)));
    }

    static void Choose<T>(T accept, float* there, float* here, int size)
        where T : unmanaged, IVector<T>
    {
        for (var i = 0; i < size; i += Tile.Rows)
            T.Store(T.Select(accept, T.Load(there + i), T.Load(here + i)), here + i);
    }
}
