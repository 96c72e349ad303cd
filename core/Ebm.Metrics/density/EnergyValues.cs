using static Ebm.Metrics.EnergyValuesSpec;

namespace Ebm.Metrics;

/// <summary>
/// Energies of real rows and of samples, as arrays for histograms; they have the same distribution if the samples follow the data. <c>energies</c>
/// is how much higher the samples' mean is. Finite runs do not reach zero; these values are only for inspection.
/// </summary>
public sealed class EnergyValues(EnergyValuesSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (data, samples) = (Of(model, subject.Data.TestRows, subject.Samples.dtype), Of(model, subject.Samples, subject.Samples.dtype));
        var se = (data.var() / data.shape[0] + samples.var() / samples.shape[0]).sqrt().item<double>();
        return
        [
            Gap.Found((samples.mean() - data.mean()).item<double>(), se, samples.shape[0], samples.shape[0], data.shape[0]) with
            {
                Arrays = [Arrays.Named("energies-data", ["row"], data), Arrays.Named("energies-samples", ["row"], samples)],
            },
        ];
    }

    Tensor Of(IDensity model, Rows rows, ScalarType dtype) =>
        model.Density.Values(rows.Range(0, Math.Min(spec.Rows, rows.Count)).to(dtype)).to(float64);
}

/// <summary>Energies of test rows and of samples, for methods with a density.</summary>
/// <param name="Rows">At most this many rows of each, the first ones.</param>
[Kind("energies")]
public sealed record EnergyValuesSpec(long Rows = 1000) : IMetricSpec
{
    public static readonly Quantity Gap = new(
        "energies",
        "nats",
        None,
        Diagnostic,
        "energies 1",
        "mean over samples minus mean over test rows",
        Order: 800
    );

    public long Rows { get; } = Require.AtLeast(2, Rows);

    public IMetric Build(Site site) => new EnergyValues(this);
}
