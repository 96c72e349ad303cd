namespace Ebm.Core;

// Kernels on tiles: each is the twin of a kernel on tensors, takes the same draws from the stream, and differs from it by rounding at most. They
// contain settings and no state, so threads share them.

/// <summary>The chains of one tile, and what their steps need.</summary>
unsafe struct TiledChains
{
    /// <summary>Where the chains are.</summary>
    public TiledState State;

    /// <summary>Memory for a candidate.</summary>
    public TiledState Candidate;

    /// <summary>Numbers of a row · 32 floats, for kernels with a persistent momentum; null for others.</summary>
    public float* Momentum;

    /// <summary>The sum of acceptance probabilities so far: 32 floats.</summary>
    public float* Accepted;

    /// <summary>The kernel's own memory, begun.</summary>
    public float* Own;

    public TiledDraws Draws;

    /// <summary>How often the energy was computed for each row, as <see cref="Cost"/> counts.</summary>
    public long Computed;

    /// <summary>Adds the acceptance probability 1.</summary>
    public readonly void AcceptAll<T>()
        where T : unmanaged, IVector<T>
    {
        for (var lane = 0; lane < Tile.Rows; lane += T.Lanes)
            T.Store(T.Load(Accepted + lane) + T.Of(1), Accepted + lane);
    }
}

/// <summary>The draws of a tile's rows from a stream, one after the other.</summary>
/// <param name="memory">Of <see cref="Deviates.Memory"/> floats.</param>
unsafe struct TiledDraws(ulong seed, ulong next, long first, int numbers, float* memory)
{
    /// <summary>ξ ~ N(0, 1), shaped as positions.</summary>
    public void Normal<T>(float* to)
        where T : unmanaged, IVector<T> => Deviates.OfTile<T, NormalDeviate>(seed, next++, first, numbers, to, memory);

    /// <summary>Uniform on [0, 1), one per row.</summary>
    public void UniformPerRow<T>(float* to)
        where T : unmanaged, IVector<T> => Deviates.OfTile<T, UniformDeviate>(seed, next++, first, 1, to, memory);
}

/// <summary>The twin of <see cref="IKernel"/>.</summary>
abstract unsafe class TiledKernel
{
    /// <summary>Draws that a step takes from its stream.</summary>
    public abstract int Draws { get; }

    /// <summary>Floats of memory of its own for rows of so many numbers.</summary>
    public abstract int Memory(int numbers);

    /// <summary>Reads what belongs to the tile's rows, such as step sizes.</summary>
    public abstract void Begin(long first, int count, float* memory);

    public abstract void Step<T>(ref TiledChains chains)
        where T : unmanaged, IVector<T>;

    /// <summary>Whether states carry a momentum, or the energy with its slope, to the next step.</summary>
    public virtual bool CarriesMomentum => false;
    public virtual bool CarriesEnergy => false;
}

/// <summary>The twin of <see cref="IProposal"/>.</summary>
abstract unsafe class TiledProposal
{
    /// <inheritdoc cref="TiledKernel.Draws"/>
    public abstract int Draws { get; }

    /// <inheritdoc cref="IProposal.Temperature"/>
    public abstract double Temperature { get; }

    /// <summary>Whether the move or its ratio uses slopes; without them an accept test computes energies alone.</summary>
    public virtual bool UsesSlopes => true;

    /// <summary>Whether the candidate comes with its energy and slope.</summary>
    public virtual bool CarriesEnergy => false;

    /// <inheritdoc cref="TiledKernel.Memory"/>
    public abstract int Memory(int numbers);

    /// <inheritdoc cref="TiledKernel.Begin"/>
    public abstract void Begin(long first, int count, float* memory);

    /// <summary>Moves the candidate, from the state.</summary>
    /// <param name="memory">This proposal's own.</param>
    public abstract void Propose<T>(ref TiledChains chains, float* memory)
        where T : unmanaged, IVector<T>;

    /// <summary>log q(x | x′) − log q(x′ | x) of the last candidate, in each lane.</summary>
    /// <param name="ratio">32 floats.</param>
    public abstract void LogRatio<T>(in TiledChains chains, float* ratio, float* memory)
        where T : unmanaged, IVector<T>;
}
