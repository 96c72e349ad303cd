namespace Ebm.Metrics;

/// <summary>
/// The midpoints of equal cells over [−HalfWidth, HalfWidth]^d, on which integrals are sums: exact up to rounding for smooth densities that vanish
/// at the border, and for step functions with steps at cell edges. The first coordinate varies slowest.
/// </summary>
/// <param name="Dimension">d: 1 or 2.</param>
/// <param name="Cells">Cells along each axis.</param>
/// <param name="HalfWidth">Half the width of the box, in units of the data.</param>
/// <param name="Device">The device of points and values.</param>
sealed record Grid(int Dimension, int Cells, double HalfWidth, Device Device)
{
    // Enough that operators cost more than their calls, few enough that their results stay in the cache.
    const long ChunkRows = 4096;

    /// <summary>The largest number of cells along an axis: a check of a grid doubles it, and the square then needs half a gigabyte in
    /// double.</summary>
    public const int Most = 4096;

    public long Count => Dimension == 1 ? Cells : (long)Cells * Cells;

    /// <summary>log of the volume of a cell.</summary>
    public double LogCell => Dimension * Math.Log(2 * HalfWidth / Cells);

    /// <summary>Midpoints along one axis: (Cells), float64.</summary>
    public Tensor Axis() => (arange(Cells, dtype: float64, device: Device) + .5) * (2 * HalfWidth / Cells) - HalfWidth;

    /// <summary>All midpoints: (Count, d), float64.</summary>
    public Tensor Points() => Rows(Axis(), 0, Count);

    /// <summary>Evaluates a function of rows at every midpoint, in chunks and without a graph.</summary>
    /// <param name="value">(B, d) → (B) or (B, K).</param>
    /// <param name="dtype">Type of the rows passed to the function.</param>
    /// <returns>(Count) or (Count, K), float64.</returns>
    public Tensor Map(Func<Tensor, Tensor> value, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (axis, chunks) = (Axis(), new List<Tensor>());
        for (long from = 0; from < Count; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            chunks.Add(value(Rows(axis, from, Math.Min(ChunkRows, Count - from)).to(dtype)).to(float64).MoveToOuterDisposeScope());
            FreedMemory.Return();
        }
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }

    /// <summary>log ∫ exp(f), in nats, by log-sum-exp.</summary>
    /// <param name="logDensity">f at every midpoint: (Count), float64.</param>
    public double LogIntegral(Tensor logDensity)
    {
        using var total = logDensity.logsumexp(0);
        return total.item<double>() + LogCell;
    }

    /// <summary>The log of the mean density of square blocks of cells, so that the coarse picture has the same mass.</summary>
    /// <returns>(picture), or (picture, picture) with one row per value of the second coordinate, as in images.</returns>
    public Tensor Coarse(Tensor logDensity, int picture)
    {
        var block = Cells / picture;
        return Dimension == 1
            ? logDensity.reshape(picture, block).logsumexp(1) - Math.Log(block)
            : logDensity.reshape(picture, block, picture, block).permute(2, 0, 1, 3).reshape(picture, picture, -1).logsumexp(2)
                - 2 * Math.Log(block);
    }

    Tensor Rows(Tensor axis, long from, long count)
    {
        var index = arange(from, from + count, dtype: int64, device: Device);
        return Dimension == 1
            ? axis[index].unsqueeze(-1)
            : stack([axis[index.div(Cells, RoundingMode.floor)], axis[index.remainder(Cells)]], -1);
    }
}
