using static Ebm.Metrics.LikelihoodSpec;

namespace Ebm.Metrics;

/// <summary>The rows of a likelihood.</summary>
public enum Split
{
    Test,

    /// <summary>Validation rows, if the data set has them.</summary>
    Validation,
}

/// <summary>
/// The negative log-likelihood of held-out rows, by importance sampling:
/// <code>nll = mean E(x) + log Z,   log Z = log mean exp(−E(y)) / q(y),   y ~ q</code>
/// for densities with a proposal q. The estimate of log Z is too low on average, most of all with heavy-tailed weights, which makes the model look
/// better than it is. So the interval of log Z and the effective number of rows are reported too.
/// </summary>
public sealed class Likelihood(LikelihoodSpec spec) : IMetric
{
    const long ChunkRows = 16_384;

    // The two-sided 95 % quantile of the normal distribution.
    const double Interval = 1.959964;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IWeighted model || Rows(subject.Data) is not { } rows || rows.Count < 2)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var energies = Chunked.Map(chunk => model.Density.Values(chunk.to(subject.Samples.dtype)), rows);
        var weights = Weights(model, subject.Rng.Stream("proposal"));
        var (logZ, largest) = (Normalisers.Forward(weights), (weights.max() - weights.logsumexp(0)).exp().item<double>());

        var n = energies.shape[0];
        var ofRows = energies.var().item<double>() / n;
        Measurement Value(Quantity what, double value, double? se = null, long? count = null) =>
            what.For(spec.Family).Found(value, se, count ?? logZ.N, (int)spec.Split, n, spec.Rows, spec.MinEss);
        var (nats, se) = (energies.mean().item<double>() + logZ.Value, Math.Sqrt(ofRows + logZ.Se * logZ.Se));
        IEnumerable<Measurement> Bits()
        {
            if (subject.Data is IEightBit eight && eight.BitsPerDimension(nats) is { } bits)
                yield return Value(InBits, bits, eight.BitsPerDimension(nats + se) - bits, n);
        }
        return
        [
            Value(Nll, nats, se, n),
            .. Bits(),
            Value(LogZ, logZ.Value, logZ.Se),
            Value(LogZLow, logZ.Value + Math.Log(Math.Max(0, 1 - Interval * logZ.Se))),
            Value(LogZHigh, logZ.Value + Math.Log(1 + Interval * logZ.Se)),
            Value(Ess, logZ.Ess),
            Value(LargestWeight, largest),
            Value(LowEss, logZ.Ess < Math.Min(spec.MinEss, logZ.N / 2.0) ? 1 : 0),
        ];
    }

    Rows? Rows(IDataset data) => spec.Split == Split.Test ? data.TestRows : (data as IValidated)?.ValidationRows;

    /// <summary>The log weights in chunks: (spec.Rows), or only one chunk if all weights are equal, because then q is the density itself.</summary>
    Tensor Weights(IWeighted model, Rng rng)
    {
        var chunks = new List<Tensor>();
        for (long from = 0; from < spec.Rows; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            using var stream = rng.Stream(chunks.Count);
            var weights = model.Weigh(Math.Min(ChunkRows, spec.Rows - from), stream).LogWeights.to(float64);
            chunks.Add(weights.MoveToOuterDisposeScope());
            if (from == 0 && (weights == weights[0]).all().item<bool>())
                break;
        }
        return cat(chunks, 0);
    }
}

/// <summary>The negative log-likelihood of held-out rows, with log Z by importance sampling, for densities with a proposal.</summary>
/// <param name="Split">test, or validation (rows for choices such as when to stop).</param>
/// <param name="Rows">Rows of the proposal; at most 16,384 are in memory at a time.</param>
/// <param name="MinEss">The flag nll/low-ess is set if there are fewer effective rows than this, or than half the rows if that is less.</param>
[Kind("likelihood")]
public sealed record LikelihoodSpec(Split Split = Split.Test, long Rows = 100_000, double MinEss = 1000) : IMetricSpec
{
    public static readonly Quantity Nll = One(200, "", Lower, Primary, "negative log-likelihood of test rows, or of validation rows"),
        LogZ = One(201, "/log-z", None, Diagnostic, "log Z by importance sampling"),
        LogZLow = One(202, "/log-z-low", None, Diagnostic, "low end of its 95 % interval"),
        LogZHigh = One(203, "/log-z-high", None, Diagnostic, "high end of its 95 % interval"),
        Ess = One(204, "/ess", Higher, Diagnostic, "effective rows of the proposal", "rows"),
        LargestWeight = One(205, "/largest-weight", Lower, Diagnostic, "share of the row with the largest weight", "share"),
        LowEss = One(206, "/low-ess", Lower, Diagnostic, "1 if too few effective rows make these values unreliable", "flag"),
        InBits = One(207, "/bits", Lower, Primary, "the likelihood of images in bits of an eight-bit value", "bits per dimension");

    static Quantity One(int order, string part, Direction better, Importance importance, string doc, string unit = "nats") =>
        new("<nll|nll-validation>" + part, unit, better, importance, "likelihood 1", doc, Order: order);

    internal string Family => Split == Split.Validation ? "nll-validation" : "nll";
    public IReadOnlyList<Quantity> Quantities => [.. Quantity.DeclaredBy(GetType()).Select(one => one.For(Family))];

    public long Rows { get; } = Require.Between(2, 100_000_000, Rows);
    public double MinEss { get; } = Require.NonNegative(MinEss);

    public IMetric Build(Site site) => new Likelihood(this);
}
