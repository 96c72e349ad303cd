namespace Ebm.Metrics;

/// <summary>
/// The distance of two distributions under a kernel k, the squared distance of their mean embeddings:
/// <code>D = E k(X, X′) + E k(Y, Y′) − 2 E k(X, Y)</code>
/// (Gretton et al. 2012). With k = −|x − y| it is Székely's energy distance. The estimate averages over distinct pairs only, so it is unbiased; for
/// equal distributions it is a degenerate U-statistic, skewed, and negative more often than positive. Its standard error is the jackknife's, which
/// is correct if the distributions differ, and on average √2 too wide if they agree. In that case it could be nearly zero by chance, so it is never
/// less than the spread of the estimate under equal distributions,
/// <code>√(2V) (1/n + 1/m),   V = E k̃(Y, Y′)²,   k̃ the kernel less its means over either row</code>
/// </summary>
/// <param name="kernel">(n, d), (m, d) → (n, m), float64.</param>
/// <param name="real">(m, d), m ≥ 2: the rows to compare with; their own kernel sums are computed once.</param>
/// <param name="sums">The sums of a kernel with k(x, x) = 0 without the matrix of all pairs; it returns null for rows that it cannot take.</param>
sealed class Discrepancy(Func<Tensor, Tensor, Tensor> kernel, Tensor real, Func<Tensor, Tensor, PairSums?>? sums = null)
{
    const long ChunkRows = 64;
    readonly Tensor rows = real.to(float64);
    Tensor? among;
    double centred;

    /// <summary>The number of rows to compare with.</summary>
    public long Count => rows.shape[0];

    /// <param name="others">(n, d), n ≥ 2.</param>
    public (double Value, double Se) From(Tensor others)
    {
        var x = others.to(float64).to(rows.device);
        var (n, m) = (x.shape[0], rows.shape[0]);
        var across = Sums(x, rows);
        var (within, _) = Apart(x);
        if (among is null)
        {
            (among, var squares) = Apart(rows);
            // E k̃² = E k² − 2 E r² + (E r)², with r the mean of a row; rounding can make it slightly negative.
            var mean = among.mean();
            centred = Math.Max(0, (squares - 2 * among.square().mean() + mean * mean).item<double>());
        }
        var (ofOthers, ofRows) = (within - across.Across / m, among - across.Down / n);
        var jackknife = (4 * (ofOthers.var() / n + ofRows.var() / m)).item<double>();
        var alike = 2 * centred * Math.Pow(1.0 / n + 1.0 / m, 2);
        return ((ofOthers.mean() + ofRows.mean()).item<double>(), Math.Sqrt(Math.Max(jackknife, alike)));
    }

    /// <summary>The mean over the others for each row, and the mean square over all pairs: (n, d) → (n) and a scalar.</summary>
    (Tensor Means, Tensor Squares) Apart(Tensor x)
    {
        var (n, found) = (x.shape[0], Sums(x, x));
        return (found.Across / (n - 1), found.Squares / (n * (n - 1.0)));
    }

    PairSums Sums(Tensor a, Tensor b) => sums?.Invoke(a, b) ?? ByTensors(a, b);

    /// <summary>For a and itself, without the pairs of a row and itself.</summary>
    PairSums ByTensors(Tensor a, Tensor b)
    {
        var (down, squares) = (zeros(b.shape[0], dtype: float64, device: b.device), zeros(1, dtype: float64, device: b.device));
        var across = new List<Tensor>();
        for (long from = 0; from < a.shape[0]; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            var values = kernel(a.narrow(0, from, Math.Min(ChunkRows, a.shape[0] - from)), b);
            if (ReferenceEquals(a, b))
                values.diagonal((int)from).zero_();
            across.Add(values.sum(1).MoveToOuterDisposeScope());
            down.add_(values.sum(dim: 0));
            squares.add_(values.mul_(values).sum());
            FreedMemory.Return();
        }
        return new(cat(across, 0), down, squares);
    }

    /// <summary>|a_i − b_j|²: (n, d), (m, d) → (n, m).</summary>
    public static Tensor Squares(Tensor a, Tensor b) =>
        (a.square().sum(1, keepdim: true) + b.square().sum(1) - 2 * a.matmul(b.t())).clamp_(min: 0);
}
