using static Ebm.Metrics.LadderLikelihoodSpec;

namespace Ebm.Metrics;

/// <summary>How rows of neighbouring levels are compared.</summary>
public enum Transport
{
    /// <summary>Rows are compared unchanged, so levels must overlap.</summary>
    None,

    /// <summary>
    /// Rows of the upper level are first recovered, x ~ N(x'/s − (σ/s)² ∇E, (σ/s)² I), which is nearly exact for small σ; rows of the lower level
    /// are first diffused to the upper one.
    /// </summary>
    Recovery,
}

/// <summary>
/// log Z of the density at level 0 of a ladder, and with it the negative log-likelihood of test rows. In place of the top level it uses the
/// Gaussian where generation starts, which is normalised:
/// <code>log Z_0 = Σ_ℓ log(Z_ℓ / Z_{ℓ+1}),   each ratio by Bennett's acceptance ratio from rows of both levels</code>
/// with transport: recovery by the identity p_{ℓ+1}(x') = (2πσ²)^{−d/2} ∫ exp(−E_ℓ(x) − |s x − x'|²/2σ²) dx / Z_ℓ, whose integral is an importance
/// sum over x. The estimate from downward rows alone is too low on average, that from upward rows alone too high, so they bracket log Z if the rows
/// follow the densities of their levels.
/// </summary>
public sealed class LadderLikelihood(LadderLikelihoodSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not ILadder ladder)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        IReadOnlyList<Energy> levels = [.. Enumerable.Range(0, ladder.Noise.Levels - 1).Select(ladder.Levels.Only), ladder.Top];
        Capacity.For(
            spec.Rows,
            (double)sizeof(float) * spec.Rows * levels.Count * subject.Data.Shape.Size(),
            $"this many rows of each of {levels.Count} levels"
        );
        var rows = ladder.Visit(spec.Rows, subject.Rng.Stream("visit"));
        double logZ = 0,
            variance = 0,
            low = 0,
            high = 0,
            overlap = 1;
        for (var lower = levels.Count - 2; lower >= 0; lower--)
        {
            using var inner = NewDisposeScope();
            using var rng = subject.Rng.Stream(lower);
            // Halves, so that neighbouring ratios use different rows.
            var half = spec.Rows / 2;
            var (down, up) = (rows[lower + 1].narrow(0, 0, half), rows[lower].narrow(0, half, half));
            var (ofDown, ofUp) =
                spec.Transport == Transport.None
                    ? (levels[lower + 1].Values(down) - levels[lower].Values(down), levels[lower + 1].Values(up) - levels[lower].Values(up))
                    : Recovered(levels[lower], levels[lower + 1], ladder.Noise, lower, down, up, rng);
            var bar = Normalisers.Bar(ofDown, ofUp);
            logZ += bar.Value;
            variance += bar.Se * bar.Se;
            low += Normalisers.Forward(ofDown).Value;
            high += Normalisers.Reverse(ofUp).Value;
            overlap = Math.Min(overlap, bar.Ess / bar.N);
        }

        var dtype = subject.Samples.dtype;
        var energies = Chunked.Map(chunk => levels[0].Values(chunk.to(dtype)), subject.Data.TestRows);
        Measurement Value(Quantity what, double value, double? se = null) =>
            what.For(spec.Family).Found(value, se, spec.Rows, (int)spec.Transport, spec.Rows, spec.Cells);
        List<Measurement> all =
        [
            Value(Nll, energies.mean().item<double>() + logZ, Math.Sqrt(energies.var().item<double>() / energies.shape[0] + variance)),
            Value(LogZ, logZ, Math.Sqrt(variance)),
            Value(LogZLow, low),
            Value(LogZHigh, high),
            Value(Overlap, overlap),
        ];
        if (subject.Data is IKnownDensity known && subject.Data.Shape is [1] or [2])
        {
            var grid = new Grid((int)subject.Data.Shape[0], spec.Cells, ((IKnownDensity)subject.Data).HalfWidth, subject.Samples.device);
            all.Add(Value(GridError, logZ - grid.LogIntegral(-grid.Map(levels[0].Values, dtype)), Math.Sqrt(variance)));
        }
        return all;
    }

    /// <summary>
    /// log [ exp(−E_ℓ(x)) N(x'; s x, σ² I) / (exp(−E_{ℓ+1}(x')) q(x | x')) ] of pairs: down, a row x' of the upper level with x drawn from q; up, a
    /// row x of the lower level with x' diffused from it. The mean of the exponential over the downward pairs is Z_ℓ/Z_{ℓ+1}.
    /// </summary>
    static (Tensor Down, Tensor Up) Recovered(Energy lower, Energy upper, NoiseSchedule noise, int level, Tensor down, Tensor up, Rng rng)
    {
        var (s, sigma) = noise.Rise(full([1], level, dtype: int64, device: down.device));
        var spread = sigma / s;
        // x ~ N(x'/s − (σ/s)² ∇E(x'/s), (σ/s)² I); its normaliser differs from that of the diffusion by s per dimension.
        Tensor Mean(Tensor above) => above / s - spread.square() * lower.WithSlope(above / s).Slope;
        Tensor Log(Tensor x, Tensor above) =>
            upper.Values(above)
            - lower.Values(x)
            - ((s * x - above) / sigma).square().SumPerRow() / 2
            + ((x - Mean(above)) / spread).square().SumPerRow() / 2
            - above.Flat().shape[1] * s.log();
        var recovered = Mean(down) + spread * rng.NormalLike(down);
        var risen = s * up + sigma * rng.NormalLike(up);
        return (Log(recovered, down), Log(up, risen));
    }
}

/// <summary>log Z along a ladder of densities, and the resulting negative log-likelihood, for methods with a ladder.</summary>
/// <param name="Transport">none, or recovery for ladders with many levels.</param>
/// <param name="Rows">Rows of each level: half for the ratio with the level above, half for the one below.</param>
/// <param name="Cells">Cells along each axis of the grid that checks the result.</param>
[Kind("ladder-likelihood")]
public sealed record LadderLikelihoodSpec(Transport Transport = Transport.None, long Rows = 4000, int Cells = 512) : IMetricSpec
{
    public static readonly Quantity Nll = One(220, "nll", Lower, Primary, "negative log-likelihood of test rows"),
        LogZ = One(221, "log-z", None, Diagnostic, "log Z by Bennett's acceptance ratios"),
        LogZLow = One(222, "log-z-low", None, Diagnostic, "log Z from downward rows alone"),
        LogZHigh = One(223, "log-z-high", None, Diagnostic, "log Z from upward rows alone"),
        Overlap = One(224, "overlap", Higher, Diagnostic, "smallest effective share of a level's rows", "share"),
        GridError = One(225, "grid-error", None, Diagnostic, "log Z minus its value on a grid, in one or two dimensions");

    static Quantity One(int order, string part, Direction better, Importance importance, string doc, string unit = "nats") =>
        new("<ladder|recovery>/" + part, unit, better, importance, "ladder-likelihood 1", doc, Order: order);

    internal string Family => Transport == Transport.None ? "ladder" : "recovery";
    public IReadOnlyList<Quantity> Quantities => [.. Quantity.DeclaredBy(GetType()).Select(one => one.For(Family))];

    public long Rows { get; } = Require.Between(4, 1_000_000, Rows);
    public int Cells { get; } = Require.Between(1, Grid.Most, Cells);

    public IMetric Build(Site site) => new LadderLikelihood(this);
}
