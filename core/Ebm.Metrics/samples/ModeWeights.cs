using static Ebm.Metrics.ModeWeightsSpec;

namespace Ebm.Metrics;

/// <summary>
/// Whether samples visit each mode as often as they should: the sum over modes of |share of samples nearest to it − its true weight|, between 0 and
/// 2. Perfect samples do not reach 0: <c>mode-weights/floor</c> is the mean for n perfect samples,
/// <code>Σ_k √(2 w_k (1 − w_k) / π n)</code>
/// </summary>
public sealed class ModeWeights : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Data is not IKnownModes modes)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (n, weights) = (subject.Samples.shape[0], modes.Weights.to(subject.Samples.device));
        var shares = modes.Nearest(subject.Samples).bincount(null, weights.shape[0]).to(float64) / n;
        var deviation = shares - weights;
        // The distance is Σ ±share up to a constant: a mean of n draws of ±1.
        var tilt = (deviation.sign() * shares).sum().item<double>();
        var floor = (2 * weights * (1 - weights) / (Math.PI * n)).sqrt().sum().item<double>();
        return
        [
            OfSamples.Found(deviation.abs().sum().item<double>(), Math.Sqrt(Math.Max(0, 1 - tilt * tilt) / n), n, n, weights.shape[0]),
            OfPerfect.Found(floor, null, n, n, weights.shape[0]),
        ];
    }
}

/// <summary>The L1 distance between true and sampled mode weights, for data with known modes.</summary>
[Kind("mode-weights")]
public sealed record ModeWeightsSpec : IMetricSpec
{
    public static readonly Quantity OfSamples =
            new("mode-weights", "probability", Lower, Primary, "mode-weights 1", "Σ |share of samples − true weight|", Order: 340),
        OfPerfect =
            new(
                "mode-weights/floor",
                "probability",
                None,
                Diagnostic,
                "mode-weights 1",
                "the same for as many perfect samples",
                Order: 341
            );

    public IMetric Build(Site site) => new ModeWeights();
}
