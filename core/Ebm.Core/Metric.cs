using Ebm.Records;

namespace Ebm.Core;

/// <summary>What a metric measures.</summary>
/// <param name="Samples">The rows of samples.npy: metrics of samples measure those, so that anyone can recompute them.</param>
/// <param name="Rng">The stream of this measurement alone.</param>
public sealed record Subject(Method Method, IDataset Data, Tensor Samples, Rng Rng);

/// <summary>One file per metric, in Ebm.Metrics. A metric that does not apply (no density, no known truth) yields nothing.</summary>
public interface IMetric
{
    /// <summary>What it found: measurements of the quantities that its record declares, made by <see cref="Quantity.Found"/>.</summary>
    IEnumerable<Measurement> Measure(Subject subject);
}

/// <summary>A record that builds a metric and declares what it yields, so that a name can be checked before anything runs. What its kind can
/// yield are its public static fields of type <see cref="Quantity"/>, in the order in which a reader wants them.</summary>
public interface IMetricSpec : ISpec<IMetric>
{
    /// <summary>What the metric can yield with these settings: the declared quantities, with the settings in the place of parameters.</summary>
    IReadOnlyList<Quantity> Quantities => Quantity.DeclaredBy(GetType());
}
