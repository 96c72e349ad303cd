using Ebm.Records;

namespace Ebm.Core;

/// <summary>What a metric measures.</summary>
/// <param name="Samples">The rows of samples.npy: metrics of samples measure those, so that anyone can recompute them.</param>
/// <param name="Rng">The stream of this measurement alone.</param>
public sealed record Subject(Method Method, IDataset Data, Tensor Samples, Rng Rng);

/// <summary>One file per metric, in Ebm.Metrics. A metric that does not apply (no density, no known truth) yields nothing.</summary>
public interface IMetric
{
    IEnumerable<Measurement> Measure(Subject subject);
}
