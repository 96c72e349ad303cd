using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ebm.Metrics;

/// <summary>Sums of a kernel k over all pairs of two sets of rows, float64.</summary>
/// <param name="Across">Σ_j k(a_i, b_j): (n).</param>
/// <param name="Down">Σ_i k(a_i, b_j): (m).</param>
/// <param name="Squares">Σ_ij k(a_i, b_j)²: a scalar or (1).</param>
sealed record PairSums(Tensor Across, Tensor Down, Tensor Squares)
{
    /// <summary>Longer rows are faster by a matrix product.</summary>
    const long Longest = 16;

    // A part has its own sums over i, so that neither the number of threads nor their order changes a bit.
    const int Parts = 16;

    /// <summary>
    /// k(x, y) = −|x − y| of short rows, in double and from differences, so that near rows lose no digits. A distance is summed where it is computed:
    /// a matrix of all pairs would be written and read several times.
    /// </summary>
    /// <param name="a">(n, d), float64.</param>
    /// <param name="b">(m, d), float64.</param>
    /// <returns>Null for long rows, and for rows that are not on the CPU.</returns>
    public static unsafe PairSums? OfDistances(Tensor a, Tensor b)
    {
        if (a.shape[1] > Longest || a.device_type != DeviceType.CPU || a.shape[0] > int.MaxValue || b.shape[0] > int.MaxValue / Parts)
            return null;
        var (n, m, d) = ((int)a.shape[0], (int)b.shape[0], (int)a.shape[1]);
        var (rows, columns) = (a.contiguous(), b.t().contiguous());
        var (across, down) = (empty(n, dtype: float64), zeros([Parts, m], dtype: float64));
        var squares = zeros(Parts, dtype: float64);
        double* x = Of(rows),
            y = Of(columns),
            toAcross = Of(across),
            toDown = Of(down),
            toSquares = Of(squares);
        Tile.EachOf(
            Parts,
            n,
            part =>
            {
                for (var i = (int)((long)n * part / Parts); i < (int)((long)n * (part + 1) / Parts); i++)
                    (toAcross[i], toSquares[part]) = Row(x + (long)i * d, y, m, d, toDown + (long)part * m, toSquares[part]);
            }
        );
        GC.KeepAlive((rows, columns));
        return new(across, down.sum(dim: 0), squares.sum());
    }

    /// <summary>Adds −|x − y_j| to the sums of all j.</summary>
    /// <param name="y">d · m numbers, first those of the first coordinate.</param>
    /// <returns>The sum over j, and the squares with those of the row.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static unsafe (double Sum, double Squares) Row(double* x, double* y, int m, int d, double* down, double squares)
    {
        var (sums, squared) = (Vector512<double>.Zero, Vector512<double>.Zero);
        var j = 0;
        for (; j + Vector512<double>.Count <= m; j += Vector512<double>.Count)
        {
            var square = Vector512<double>.Zero;
            for (var k = 0; k < d; k++)
            {
                var apart = Vector512.Load(y + (long)k * m + j) - Vector512.Create(x[k]);
                square += apart * apart;
            }
            var distance = Vector512.Sqrt(square);
            (Vector512.Load(down + j) - distance).Store(down + j);
            sums -= distance;
            squared += square;
        }
        var (sum, others) = (Vector512.Sum(sums), Vector512.Sum(squared));
        for (; j < m; j++)
        {
            double square = 0;
            for (var k = 0; k < d; k++)
                square += (y[(long)k * m + j] - x[k]) * (y[(long)k * m + j] - x[k]);
            down[j] -= Math.Sqrt(square);
            sum -= Math.Sqrt(square);
            others += square;
        }
        return (sum, squares + others);
    }

    static unsafe double* Of(Tensor tensor) => (double*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
}
