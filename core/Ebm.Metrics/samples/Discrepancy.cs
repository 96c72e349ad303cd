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
sealed class Discrepancy(Func<Tensor, Tensor, Tensor> kernel, Tensor real)
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
        var (across, down) = Sums(x, rows);
        var (within, _) = Apart(x);
        if (among is null)
        {
            (among, var squares) = Apart(rows);
            // E k̃² = E k² − 2 E r² + (E r)², with r the mean of a row; rounding can make it slightly negative.
            var mean = among.mean();
            centred = Math.Max(0, (squares - 2 * among.square().mean() + mean * mean).item<double>());
        }
        var (ofOthers, ofRows) = (within - across / m, among - down / n);
        var jackknife = (4 * (ofOthers.var() / n + ofRows.var() / m)).item<double>();
        var alike = 2 * centred * Math.Pow(1.0 / n + 1.0 / m, 2);
        return ((ofOthers.mean() + ofRows.mean()).item<double>(), Math.Sqrt(Math.Max(jackknife, alike)));
    }

    /// <summary>The mean over the others for each row, and the mean square over all pairs: (n, d) → (n) and a scalar.</summary>
    (Tensor Means, Tensor Squares) Apart(Tensor x)
    {
        var (n, squares, means) = (x.shape[0], zeros(1, dtype: float64, device: x.device), new List<Tensor>());
        foreach (var (from, values) in Chunks(x, x))
        {
            // A row and itself are not a pair.
            values.diagonal((int)from).zero_();
            squares.add_(values.square().sum());
            means.Add((values.sum(1) / (n - 1)).MoveToOuterDisposeScope());
        }
        return (cat(means, 0), squares / (n * (n - 1.0)));
    }

    /// <summary>Sums of k(a_i, b_j) over j, and over i: (n), (m).</summary>
    (Tensor Across, Tensor Down) Sums(Tensor a, Tensor b)
    {
        var (down, across) = (zeros(b.shape[0], dtype: float64, device: b.device), new List<Tensor>());
        foreach (var (_, values) in Chunks(a, b))
        {
            down.add_(values.sum(dim: 0));
            across.Add(values.sum(1).MoveToOuterDisposeScope());
        }
        return (cat(across, 0), down);
    }

    /// <summary>k(a_i, b_j) for chunks of rows a, each in its own dispose scope.</summary>
    IEnumerable<(long From, Tensor Values)> Chunks(Tensor a, Tensor b)
    {
        for (long from = 0; from < a.shape[0]; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            yield return (from, kernel(a.narrow(0, from, Math.Min(ChunkRows, a.shape[0] - from)), b));
            Machine.ReturnFreedMemory();
        }
    }

    /// <summary>|a_i − b_j|²: (n, d), (m, d) → (n, m).</summary>
    public static Tensor Squares(Tensor a, Tensor b) =>
        (a.square().sum(1, keepdim: true) + b.square().sum(1) - 2 * a.matmul(b.t())).clamp_(min: 0);
}
