using static Ebm.Metrics.ExactKlSpec;

namespace Ebm.Metrics;

/// <summary>
/// The divergence between a known density p and a model's exp(−E)/Z in any number of dimensions, from rows of both. With r = −E − log p,
/// <code>exact-kl = KL(p ‖ model) = log Z − E_p[r],   KL(model ‖ p) = E_model[r] − log Z</code>
/// log Z is Bennett's acceptance ratio (<see cref="Normalisers.Bar"/>) between exact rows of p and rows of the model. The latter are the run's samples, moved by
/// an adjusted chain at the model's density, because a sampler with an error would otherwise have that error in log Z. E_model weighs the rows of both by
/// <code>σ(r − log Z + log(m/n)) ∝ model(x) / (n p(x) + m model(x))</code>
/// which is bounded (Shirts and Chodera 2008). The standard error is by the delta method from each row's share in both terms. It is right if the model's rows follow
/// the model's density: <c>exact-kl/gap</c>, the difference between the two one-sided estimates of log Z, shows whether they do. A density that is
/// normalised, such as a flow's, needs no estimate of log Z. In one and two dimensions, <see cref="GridKl"/> has no error of sampling.
/// </summary>
public sealed class ExactKl(ExactKlSpec spec) : IMetric
{
    const double Acceptance = .574;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        // A standard error needs two rows.
        if (subject.Method is not IDensity model || subject.Data is not IKnownDensity target || subject.Samples.shape[0] < 2)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (dtype, rng) = (subject.Samples.dtype, subject.Rng);
        var exact = target.Draw(spec.Rows, rng.Stream("exact"));
        var own = Settled(model.Density, subject.Samples.narrow(0, 0, Math.Min(spec.Rows, subject.Samples.shape[0])), rng.Stream("settle"));
        var (n, m) = ((double)exact.shape[0], (double)own.shape[0]);

        var logP = Chunked.Map(target.LogDensity, exact);
        Tensor Ratio(Energy energy, Tensor rows, Tensor known) => -Chunked.Map(chunk => energy.Values(chunk.to(dtype)), rows) - known;
        var (f, r) = (Ratio(model.Density, exact, logP), Ratio(model.Density, own, Chunked.Map(target.LogDensity, own)));

        Measurement Value(Quantity what, double value, double? error = null) =>
            what.Found(value, error is { } e && double.IsFinite(e) ? e : null, spec.Rows, spec.Rows, own.shape[0], spec.Settle);
        var gaussian = MatchedGaussian.To(subject.Data);
        var surplus = logP + gaussian.Whitened(exact).square().sum(1) / 2 + gaussian.LogNormaliser;
        var ofGaussian = Value(KlOfGaussian, surplus.mean().item<double>(), Math.Sqrt(surplus.var().item<double>() / n));
        if (!f.isfinite().any().item<bool>())
            // The model has no mass where the data are.
            return [Value(Kl, double.PositiveInfinity), ofGaussian];

        // Where p is zero, r is +∞ and the row is certainly the model's; a difference of a thousand nats says the same in finite numbers.
        var outside = r.isposinf();
        var certain = f.max().item<double>() + 1000;
        var finite = where(outside, full_like(r, certain), r);
        var normalised = KnownLogZ(model, rng.Stream("proposal"));
        var bar = Normalisers.Bar(f, finite);
        var logZ = normalised ?? bar.Value;

        // How much each row moves an estimate, from the exact rows and from the model's; both samples have errors of their own.
        var shift = Math.Log(m / n) - logZ;
        var (ofExact, ofOwn) = ((f + shift).sigmoid(), (finite + shift).sigmoid());
        var information = (ofExact * (1 - ofExact)).sum().item<double>() + (ofOwn * (1 - ofOwn)).sum().item<double>();
        var onLogZ = normalised is null ? 1 / information : 0;
        double Error(Tensor exactly, Tensor owned) =>
            Math.Sqrt((exactly - exactly.mean()).square().sum().item<double>() + (owned - owned.mean()).square().sum().item<double>());
        var kl = logZ - f.mean().item<double>();
        var se = Error(onLogZ * ofExact - f / n, onLogZ * ofOwn);

        var (forward, reverse) = (Normalisers.Forward(f), Normalisers.Reverse(finite));
        List<Measurement> all =
        [
            Value(Kl, kl, se),
            ofGaussian,
            Value(Variance, f.var().item<double>()),
            Value(Ess, forward.Ess / n),
            Value(Overlap, bar.Ess / (n + m)),
            Value(LogZ, logZ, normalised is null ? bar.Se : 0),
            Value(Gap, reverse.Value - forward.Value, Math.Sqrt(reverse.Se * reverse.Se + forward.Se * forward.Se)),
        ];
        if (subject.Method is IOnBase { Base: var ofBase })
        {
            var alone = -Ratio(ofBase, exact, logP);
            all.Add(Value(KlOfBase, alone.mean().item<double>(), Math.Sqrt(alone.var().item<double>() / n)));
        }
        if (!outside.any().item<bool>())
        {
            var (weights, ratios) = (cat([ofExact, ofOwn], 0), cat([f, finite], 0));
            var total = weights.sum().item<double>();
            // Where the model is zero, r is −∞ and has weight 0.
            var mean = Weighted(weights, ratios).sum().item<double>() / total;
            // log Z is in the difference and in every weight.
            var slope = 1 + Weighted(weights * (1 - weights), ratios - mean).sum().item<double>() / total;
            Tensor Share(Tensor own, Tensor r) => Weighted(own, r - mean) / total - slope * onLogZ * own;
            all.Add(Value(Reverse, mean - logZ, Error(Share(ofExact, f), Share(ofOwn, finite))));
        }
        return all;
    }

    static Tensor Weighted(Tensor weights, Tensor values) => where(weights > 0, weights * values, zeros_like(values));

    /// <summary>Rows moved by Metropolis-adjusted Langevin steps, whose size adapts in the first half.</summary>
    Tensor Settled(Energy density, Tensor rows, Rng rng)
    {
        if (spec.Settle == 0)
            return rows;
        using var scope = NewDisposeScope();
        var walk = new Walk(density, Temperature: 1, Adjusted: true);
        var first = .1 * rows.to(float64).var(0).min().clamp(min: 1e-8).to(rows.dtype).reshape(1);
        var steps = new StepSizes(first, Acceptance, range: 1e4);
        var level = rows.AllAt(0);
        var (half, adapting) = ((spec.Settle + 1) / 2, rng.Stream("adapting"));
        var begun = Chain.Repeat(half, rows, (_, x) => walk.From(x, level, steps, 1, adapting, learn: true).X);
        return walk.From(begun, level, steps, spec.Settle - half, rng.Stream("moving")).X.MoveToOuterDisposeScope();
    }

    /// <summary>log Z of a model whose rows all have the same weight, which is then exact; null for others.</summary>
    static double? KnownLogZ(IDensity model, Rng rng)
    {
        if (model is not IWeighted weighted)
            return null;
        var weights = weighted.Weigh(16, rng).LogWeights.to(float64);
        return (weights == weights[0]).all().item<bool>() ? weights[0].item<double>() : null;
    }
}

/// <summary>KL(p_data ‖ p_model) from exact rows, for methods with a density and data with a known density, in any number of dimensions.</summary>
/// <param name="Rows">Exact rows, and at most as many of the run's samples.</param>
/// <param name="Settle">Adjusted Langevin steps of the samples at the model's density before they are used for log Z.</param>
[Kind("exact-kl")]
public sealed record ExactKlSpec(long Rows = 10_000, int Settle = 100) : IMetricSpec
{
    public static readonly Quantity Kl =
            new(
                "exact-kl",
                "nats",
                Lower,
                Primary,
                "exact-kl 1",
                "KL(p_data ‖ p_model) from exact rows",
                Order: 110,
                ComparedWith: "exact-kl/gaussian"
            ),
        KlOfGaussian =
            new(
                "exact-kl/gaussian",
                "nats",
                None,
                Secondary,
                "exact-kl 1",
                "KL(p_data ‖ Gaussian with the training rows' moments)",
                Order: 111
            ),
        KlOfBase = new("exact-kl/base", "nats", None, Secondary, "exact-kl 1", "KL(p_data ‖ the base that the energy tilts)", Order: 112),
        Reverse =
            new(
                "exact-kl/reverse",
                "nats",
                Lower,
                Secondary,
                "exact-kl 1",
                "KL(p_model ‖ p_data), if p_data > 0 at the model's rows",
                Order: 113
            ),
        Variance =
            new("exact-kl/variance", "nats²", Lower, Secondary, "exact-kl 1", "variance of log p_data + E over exact rows", Order: 114),
        Ess =
            new(
                "exact-kl/ess",
                "share",
                Higher,
                Diagnostic,
                "exact-kl 1",
                "effective share of exact rows with the model's weights",
                Order: 115
            ),
        Overlap =
            new(
                "exact-kl/overlap",
                "share",
                Higher,
                Diagnostic,
                "exact-kl 1",
                "1 if both samples are alike, 0 if they have no row in common",
                Order: 116
            ),
        LogZ = new("exact-kl/log-z", "nats", None, Diagnostic, "exact-kl 1", "log Z by Bennett's acceptance ratio", Order: 117),
        Gap =
            new(
                "exact-kl/gap",
                "nats",
                Lower,
                Diagnostic,
                "exact-kl 1",
                "log Z from the model's rows minus log Z from exact rows",
                Order: 118
            );

    public long Rows { get; } = Require.Between(2, 10_000_000, Rows);
    public int Settle { get; } = Require.Moves(Settle, least: 0);

    /// <exception cref="SettingException">So many exact rows do not fit into memory.</exception>
    public IMetric Build(Site site)
    {
        Capacity.ForRows(Rows, 3 * site.Shape.Size());
        return new ExactKl(this);
    }
}
