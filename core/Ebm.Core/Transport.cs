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
        // Column 0 means unassigned. Prices keep cost − row − column nonnegative, and zero along the assignment.
        double[] rowPrice = new double[n + 1],
            columnPrice = new double[n + 1],
            slack = new double[n + 1];
        int[] rowOf = new int[n + 1],
            before = new int[n + 1];
        var reached = new bool[n + 1];
        for (var entering = 1; entering <= n; entering++)
        {
            rowOf[0] = entering;
            Array.Fill(slack, double.PositiveInfinity);
            Array.Clear(reached);
            var column = 0;
            do
            {
                reached[column] = true;
                var (row, nearest, step) = (rowOf[column], 0, double.PositiveInfinity);
                for (var j = 1; j <= n; j++)
                {
                    if (reached[j])
                        continue;
                    var reduced = cost[(row - 1) * n + j - 1] - rowPrice[row] - columnPrice[j];
                    if (reduced < slack[j])
                        (slack[j], before[j]) = (reduced, column);
                    if (slack[j] < step)
                        (step, nearest) = (slack[j], j);
                }
                for (var j = 0; j <= n; j++)
                {
                    if (reached[j])
                    {
                        rowPrice[rowOf[j]] += step;
                        columnPrice[j] -= step;
                    }
                    else
                    {
                        slack[j] -= step;
                    }
                }
                column = nearest;
            } while (rowOf[column] != 0);

            // Augment: each column on the path goes to the row before it, back to the row that was added.
            for (; column != 0; column = before[column])
                rowOf[column] = rowOf[before[column]];
        }
        var assigned = new long[n];
        for (var j = 1; j <= n; j++)
            assigned[rowOf[j] - 1] = j - 1;
        return assigned;
    }
}
