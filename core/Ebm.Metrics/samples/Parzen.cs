namespace Ebm.Metrics;

/// <summary>
/// A trivial generator: a random training row plus noise, that is, draws of the Parzen window
/// <code>p(x) = mean_i N(x; x_i, h²)</code>
/// over the training rows x_i. Without noise it would repeat training rows, which no comparison of distributions can tell from new ones. So h is
/// not a matter of taste: it is the width under which other training rows are most likely.
/// </summary>
/// <param name="Centres">The training rows.</param>
/// <param name="Width">h.</param>
sealed record Parzen(Rows Centres, double Width)
{
    const long Most = 10_000,
        HeldOut = 500;

    // Widths from the rows' standard deviation down to a thousandth of it, each √2 times the next.
    const int Widths = 20;

    public static Parzen To(IDataset data, Rng rng)
    {
        using var scope = NewDisposeScope();
        var rows = data.TrainRows;
        var order = rng.Permutation(rows.Count);
        var held = Math.Min(HeldOut, rows.Count / 2);
        Tensor Some(long from, long count) => rows.At(order.narrow(0, from, count)).flatten(1);
        var (seen, unseen) = (Some(held, Math.Min(Most, rows.Count - held)), Some(0, held));
        // Distances do not depend on the width, so they are computed once: (held, seen).
        var squares = (unseen.square().sum(1, keepdim: true) + seen.square().sum(1) - 2 * unseen.matmul(seen.t())).clamp_(min: 0);
        var (widest, d) = (Math.Sqrt(seen.var(0).mean().to(float64).item<double>()), seen.shape[1]);
        double Likelihood(double width)
        {
            using var inner = NewDisposeScope();
            return (squares / (-2 * width * width)).logsumexp(1).mean().to(float64).item<double>() - d * Math.Log(width);
        }
        return new(rows, Enumerable.Range(0, Widths).Select(i => widest * Math.Pow(2, -i / 2.0)).MaxBy(Likelihood));
    }

    /// <summary>(count, …).</summary>
    public Tensor Draw(long count, Rng rng)
    {
        var rows = Centres.At(rng.Integers(Centres.Count, count));
        return rows + Width * rng.NormalLike(rows);
    }
}
