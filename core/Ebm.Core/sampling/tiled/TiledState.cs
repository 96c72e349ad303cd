namespace Ebm.Core;

/// <summary>
/// The twin of <see cref="ChainState"/> for one tile: positions with their energy and slope in plain memory, all rows of a number beside each other.
/// </summary>
unsafe struct TiledState(TiledEnergy target, float* memory, int numbers, float* own)
{
    readonly int size = numbers * Tile.Rows;

    /// <summary>Floats of memory of one state.</summary>
    public static int Memory(int numbers) => (2 * numbers + 1) * Tile.Rows;

    /// <summary>numbers · 32 floats, as is the slope.</summary>
    public float* Position = own;
    public float* Slope = own + numbers * Tile.Rows;

    /// <summary>32 floats.</summary>
    public float* Energy = own + 2 * numbers * Tile.Rows;

    /// <summary>Whether the energy at Position is computed, and the slope.</summary>
    public bool HasEnergy;
    public bool HasSlope;

    /// <summary>Floats of Position and of Slope.</summary>
    public readonly int Size => size;

    /// <summary>Computes energy and slope, or the energy alone, where they are missing.</summary>
    /// <returns>How often the energy was computed: 0 or 1.</returns>
    public int Under<T>(bool withSlope)
        where T : unmanaged, IVector<T>
    {
        if (HasEnergy && (HasSlope || !withSlope))
            return 0;
        target.At<T>(Position, Energy, withSlope ? Slope : null, memory);
        (HasEnergy, HasSlope) = (true, withSlope);
        return 1;
    }

    /// <summary>Forgets energy and slope, after a move of Position.</summary>
    public void Moved() => (HasEnergy, HasSlope) = (false, false);
}
