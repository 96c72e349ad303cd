namespace Ebm.Metrics;

/// <summary>Which rows a likelihood is taken of.</summary>
public enum Split
{
    Test,

    /// <summary>Rows kept apart for choices, where the data set has some.</summary>
    Validation,
}

/// <summary>
/// The negative log-likelihood of rows that were not trained on, by importance sampling:
/// <code>nll = mean E(x) + log Z,   log Z = log mean exp(−E(y)) / q(y),   y ~ q</code>
/// for densities that come with a proposal q. An estimate of log Z is too low on average, and by most where the weights are heavy-tailed,
/// which flatters the model; so beside <c>nll</c> stand <c>nll/log-z</c> with the ends of its 95 % interval, <c>nll/ess</c>, what the
/// weighted rows are worth, <c>nll/largest-weight</c>, the share of the heaviest row, and <c>nll/low-ess</c>, which is 1 where fewer than
/// min-ess effective rows make all of this untrustworthy. Of the validation rows it is called <c>nll-validation</c>.
/// </summary>
public sealed class Likelihood : IMetric
{
    const long ChunkRows = 16_384;

    // Of the normal law: 95 % lie within.
    const double Interval = 1.959964;
    readonly LikelihoodSpec spec;

    internal Likelihood(LikelihoodSpec spec) => this.spec = spec;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IWeighted model || Rows(subject.Data) is not { } rows || rows.shape[0] < 2)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var energies = Chunked.Map(model.Density.Of, rows.to(subject.Samples.dtype));
        var weights = Weights(model, subject.Rng.Stream("proposal"));
        var (logZ, largest) = (Normalisers.Forward(weights), (weights.max() - weights.logsumexp(0)).exp().item<double>());

        var name = spec.Split == Split.Validation ? "nll-validation" : "nll";
        var n = energies.shape[0];
        var ofRows = energies.var().item<double>() / n;
        var protocol = Protocol.Of("likelihood 1", (int)spec.Split, n, spec.Rows, spec.MinEss);
        Measurement Value(string part, double value, string unit, string better, double? se = null, long? count = null) =>
            new(name + part, value, unit, better, Se: se, N: count ?? logZ.N, Protocol: protocol);
        return
        [
            Value("", energies.mean().item<double>() + logZ.Value, "nats", "lower", Math.Sqrt(ofRows + logZ.Se * logZ.Se), n),
            Value("/log-z", logZ.Value, "nats", "none", logZ.Se),
            Value("/log-z-low", logZ.Value + Math.Log(Math.Max(0, 1 - Interval * logZ.Se)), "nats", "none"),
            Value("/log-z-high", logZ.Value + Math.Log(1 + Interval * logZ.Se), "nats", "none"),
            Value("/ess", logZ.Ess, "rows", "higher"),
            Value("/largest-weight", largest, "share", "lower"),
            Value("/low-ess", logZ.Ess < Math.Min(spec.MinEss, logZ.N / 2.0) ? 1 : 0, "flag", "lower"),
        ];
    }

    Tensor? Rows(IDataset data) => spec.Split == Split.Test ? data.Test : (data as IValidated)?.Validation;

    /// <summary>A chunk of rows at a time: (spec.Rows), or one chunk where the weights are all the same, for then q is the density
    /// itself.</summary>
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

/// <summary>The negative log-likelihood of held-out rows, log Z by importance sampling, for densities with a proposal.</summary>
/// <param name="Split">test, or validation: rows kept apart for choices such as when to stop.</param>
/// <param name="Rows">Rows of the proposal, 16,384 in memory at a time.</param>
/// <param name="MinEss">Fewer effective rows than this, or than half the rows where those are fewer, raise the flag nll/low-ess.</param>
[Kind("likelihood")]
public sealed record LikelihoodSpec(Split Split = Split.Test, long Rows = 100_000, double MinEss = 1000) : ISpec<IMetric>
{
    public long Rows { get; } = Require.Between(2, 100_000_000, Rows);
    public double MinEss { get; } = Require.NonNegative(MinEss);

    public IMetric Build(Site site) => new Likelihood(this);
}
