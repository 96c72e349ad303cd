using System.Numerics;

namespace Ebm.Core;

/// <summary>
/// The one-to-one pairing of two equally large sets of rows with the least total squared distance: optimal transport between two minibatches.
/// Exact, by shortest augmenting paths (Kuhn 1955, Munkres 1957; the O(n³) form of Jonker and Volgenant 1987): the rows of <c>to</c> are added one
/// by one, each along the cheapest path at the current prices.
/// </summary>
public static class Transport
{
    /// <summary>The largest number of rows: .NET limits the array of all distances, and time grows with the cube.</summary>
    const int Most = 16_384;

    /// <param name="from">(n, …).</param>
    /// <param name="to">(n, …).</param>
    /// <returns>(n) int64 on their device: <c>from[order[i]]</c> is paired with <c>to[i]</c>.</returns>
    public static Tensor Pairing(Tensor from, Tensor to)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var n = (int)from.shape[0];
        if (to.shape[0] != n)
            throw new ArgumentException($"a pairing needs two sets of equal size; these have {n} and {to.shape[0]} rows");
        if (n > Most)
            throw new SettingException("batch", $"is {n}, and optimal transport compares every pair of rows; it must be at most {Most}");
        var (x, y) = (from.Flat().to(float64), to.Flat().to(float64));
        var distance = x.square().sum(1).unsqueeze(0) + y.square().sum(1).unsqueeze(1) - 2 * y.matmul(x.t());
        var order = Assign(distance.cpu().contiguous().data<double>().ToArray(), n);
        return tensor(order, dtype: int64, device: from.device).MoveToOuterDisposeScope();
    }

    /// <summary>A different column for each row, with the least total cost.</summary>
    /// <param name="cost">n rows of n, finite.</param>
    static long[] Assign(double[] cost, int n)
    {
        // Prices keep cost − row − column nonnegative, and zero along the assignment.
        double[] rowPrice = new double[n],
            columnPrice = new double[n],
            distance = new double[n],
            closed = new double[n];
        var before = new long[n];
        int[] rowOf = new int[n],
            columnOf = new int[n];
        Array.Fill(rowOf, -1);
        Array.Fill(columnOf, -1);
        for (var entering = 0; entering < n; entering++)
        {
            // The cheapest path from the entering row to a free column (Dijkstra); a reached column is closed by an infinite offset.
            Array.Fill(distance, double.PositiveInfinity);
            Array.Clear(closed);
            var (row, reached, free) = (entering, 0.0, -1);
            while (free < 0)
            {
                var column = Nearest(cost.AsSpan(row * n, n), columnPrice, reached - rowPrice[row], row, distance, closed, before);
                reached = distance[column];
                closed[column] = double.PositiveInfinity;
                if (rowOf[column] < 0)
                    free = column;
                else
                    row = rowOf[column];
            }

            rowPrice[entering] += reached;
            for (var column = 0; column < n; column++)
            {
                if (closed[column] == 0)
                    continue;
                columnPrice[column] -= reached - distance[column];
                if (rowOf[column] is >= 0 and var owner)
                    rowPrice[owner] += reached - distance[column];
            }

            // Augment: each row on the path takes the next column, back to the entering row.
            for (var column = free; ; )
            {
                var owner = (int)before[column];
                rowOf[column] = owner;
                (column, columnOf[owner]) = (columnOf[owner], column);
                if (owner == entering)
                    break;
            }
        }
        return [.. columnOf.Select(column => (long)column)];
    }

    /// <summary>Extends paths by the edges of a row, and finds the nearest column that is not closed, the first of equals.</summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
    static int Nearest(ReadOnlySpan<double> cost, double[] price, double offset, int row, double[] distance, double[] closed, long[] before)
    {
        var least = double.PositiveInfinity;
        var j = 0;
        var leasts = new Vector<double>(least);
        for (; j + Vector<double>.Count <= cost.Length; j += Vector<double>.Count)
        {
            var known = new Vector<double>(distance, j);
            var shut = new Vector<double>(closed, j);
            var through = new Vector<double>(offset) + new Vector<double>(cost[j..]) - new Vector<double>(price, j) + shut;
            var shorter = Vector.LessThan(through, known);
            Vector.ConditionalSelect(shorter, new Vector<long>(row), new Vector<long>(before, j)).CopyTo(before, j);
            known = Vector.ConditionalSelect(shorter, through, known);
            known.CopyTo(distance, j);
            leasts = Vector.Min(leasts, known + shut);
        }
        for (var lane = 0; lane < Vector<double>.Count; lane++)
            least = Math.Min(least, leasts[lane]);
        for (; j < cost.Length; j++)
        {
            var through = offset + cost[j] - price[j] + closed[j];
            if (through < distance[j])
                (distance[j], before[j]) = (through, row);
            least = Math.Min(least, distance[j] + closed[j]);
        }
        for (j = 0; distance[j] + closed[j] != least; )
            j++;
        return j;
    }
}
