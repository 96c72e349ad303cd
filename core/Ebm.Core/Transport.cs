namespace Ebm.Core;

/// <summary>
/// The one-to-one pairing of two equally large sets of rows with the least total squared distance: what optimal transport between two
/// minibatches is. Exact, by shortest augmenting paths (Kuhn 1955, Munkres 1957; the O(n³) form of Jonker and Volgenant 1987): rows of
/// <c>to</c> enter one by one, and each settles along the path that costs least at the current prices.
/// </summary>
public static class Transport
{
    /// <summary>Rows at most: a table of all distances is an array of .NET, and time goes with the cube.</summary>
    const int Most = 16_384;

    /// <param name="from">(n, …).</param>
    /// <param name="to">(n, …).</param>
    /// <returns>(n) int64 on their device: <c>from[order[i]]</c> belongs to <c>to[i]</c>.</returns>
    public static Tensor Pairing(Tensor from, Tensor to)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var n = (int)from.shape[0];
        if (to.shape[0] != n)
            throw new ArgumentException($"a pairing needs two sets of one size; these have {n} and {to.shape[0]} rows");
        if (n > Most)
            throw new SettingException("batch", $"is {n}, and optimal transport compares every row with every other; write {Most} at most");
        var (x, y) = (from.Flat().to(float64), to.Flat().to(float64));
        var distance = x.square().sum(1).unsqueeze(0) + y.square().sum(1).unsqueeze(1) - 2 * y.matmul(x.t());
        var order = Assign(distance.cpu().contiguous().data<double>().ToArray(), n);
        return tensor(order, dtype: int64, device: from.device).MoveToOuterDisposeScope();
    }

    /// <summary>The column of each row, all different, with the least sum of costs.</summary>
    /// <param name="cost">n rows of n, finite.</param>
    static long[] Assign(double[] cost, int n)
    {
        // Column 0 stands for none; prices keep cost − row − column at or above zero, and at zero along the assignment.
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

            // The free column goes to the row before it on the path, and so on back to the row that enters.
            for (; column != 0; column = before[column])
                rowOf[column] = rowOf[before[column]];
        }
        var assigned = new long[n];
        for (var j = 1; j <= n; j++)
            assigned[rowOf[j] - 1] = j - 1;
        return assigned;
    }
}
