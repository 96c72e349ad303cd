using Ebm.Records;

namespace Ebm.Core;

/// <summary>The input of a metric.</summary>
/// <param name="Samples">The rows of samples.npy; metrics of samples use only these, so that others can recompute them.</param>
/// <param name="Rng">A stream for this measurement only.</param>
public sealed record Subject(Method Method, IDataset Data, Tensor Samples, Rng Rng);

/// <summary>One file per metric, in Ebm.Metrics. A metric that does not apply (for example without a density) returns nothing.</summary>
public interface IMetric
{
    /// <summary>Measurements of the quantities that the metric's record declares, made by <see cref="Quantity.Found"/>.</summary>
    IEnumerable<Measurement> Measure(Subject subject);
}

/// <summary>A record that builds a metric and declares its quantities, so that names can be checked before a run starts. The quantities of a kind
/// are its public static fields of type <see cref="Quantity"/>, in display order.</summary>
public interface IMetricSpec : ISpec<IMetric>
{
    /// <summary>The quantities that the metric returns with these settings: the declared ones, with parameters replaced by settings.</summary>
    IReadOnlyList<Quantity> Quantities => Quantity.DeclaredBy(GetType());
}
