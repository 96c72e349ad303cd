using static Ebm.Metrics.ChainStatisticsSpec;

namespace Ebm.Metrics;

/// <summary>
/// How well a local chain can sample the model's density: Metropolis-adjusted Langevin from the model's own samples, with a step size adapted in a
/// warm-up and then fixed. These chains are the same for every method, unlike the method's own sampler, which may anneal, so landscapes can be
/// compared. They start spread over the modes; a chain that never leaves its mode keeps R̂ high. Traces the energy and the rows' leading principal
/// components, those of the training rows; reports the worst of them.
/// </summary>
public sealed class ChainStatistics(ChainStatisticsSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model || subject.Samples.shape[0] < spec.Chains)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var gaussian = MatchedGaussian.To(subject.Data);
        var (dimension, dtype) = (gaussian.Mean.shape[0], subject.Samples.dtype);
        var directions = gaussian
            .Factor.narrow(1, dimension - Math.Min(dimension, spec.Directions), Math.Min(dimension, spec.Directions))
            .to(dtype);
        var level = zeros(spec.Chains, dtype: int64, device: subject.Samples.device);
        var step = new StepSizes(full([1], .1, dtype: dtype, device: level.device), target: .574, gain: .2, range: 1e6);
        var density = model.Density;

        IKernel Kernel() => new Metropolis(new Langevin(step.For(level), Temperature: 1));
        var state = new ChainState(subject.Samples.narrow(0, 0, spec.Chains));
        for (var i = 0; i < spec.WarmUp; i++)
            state = Kernel().Run(density, state, 1, subject.Rng, (_, _, taken) => step.Learn(level, taken));

        var (traces, accepted) = (new List<Tensor>(), zeros(1, dtype: dtype, device: level.device));
        Kernel()
            .Run(
                density,
                state,
                spec.Steps,
                subject.Rng,
                (_, at, taken) =>
                {
                    accepted.add_(taken.mean());
                    var shown = cat([at.Energy!.unsqueeze(1).to(dtype), at.Position.flatten(1).matmul(directions)], 1);
                    traces.Add(shown.MoveToOuterDisposeScope());
                }
            );
        var all = stack(traces, 2);
        var found = Enumerable.Range(0, (int)all.shape[1]).Select(i => Mixing.WithErrors(all.select(1, i))).ToArray();
        var (worst, slowest) = (found.MaxBy(f => f.RHat), found.MaxBy(f => f.Time));

        var draws = spec.Chains * spec.Steps;
        Measurement Value(Quantity what, double value, double? se = null) =>
            what.Found(value, se, draws, spec.Chains, spec.Steps, spec.WarmUp, directions.shape[1]);
        return
        [
            Value(RHat, worst.RHat, worst.RHatSe),
            Value(Time, slowest.Time, slowest.TimeSe),
            Value(Ess, draws / slowest.Time, draws / slowest.Time * slowest.TimeSe / slowest.Time),
            Value(Accepted, accepted.to(float64).item<double>() / spec.Steps),
        ];
    }
}

/// <summary>Split R̂, autocorrelation time and effective sample size of Langevin chains on the model's density, from its samples.</summary>
/// <param name="Chains">Number of chains; they start at the first samples, so there can be no more than samples.</param>
/// <param name="Steps">Steps per chain after the warm-up.</param>
/// <param name="WarmUp">Steps in which the step size adapts.</param>
/// <param name="Directions">Number of principal components of the training rows traced in addition to the energy.</param>
[Kind("chain-statistics")]
public sealed record ChainStatisticsSpec(long Chains = 50, int Steps = 1000, int WarmUp = 200, long Directions = 4) : IMetricSpec
{
    public static readonly Quantity RHat =
            new("chains/r-hat", "ratio", Lower, Secondary, "chains 1", "the worst split R̂ of all traces", Order: 710),
        Time = new("chains/autocorrelation-time", "steps", Lower, Secondary, "chains 1", "the longest autocorrelation time", Order: 711),
        Ess = new("chains/ess", "draws", Higher, Secondary, "chains 1", "effective number of draws of all steps", Order: 712),
        Accepted = new("chains/accepted", "probability", None, Diagnostic, "chains 1", "mean acceptance", Order: 713);

    public long Chains { get; } = Require.Between(3, 10_000, Chains);
    public int Steps { get; } =
        Require.That(
            Require.Between(8, 1_000_000, Steps),
            Steps * Chains * Chains <= 1_000_000_000,
            "times the square of chains is stored by the jackknife, so it must be at most 1000000000",
            nameof(Steps)
        );
    public int WarmUp { get; } = Require.Moves(WarmUp, least: 0);
    public long Directions { get; } = Require.NonNegative(Directions);

    public IMetric Build(Site site) => new ChainStatistics(this);
}
