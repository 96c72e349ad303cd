using static Ebm.Metrics.DensityReadoutSpec;

namespace Ebm.Metrics;

/// <summary>
/// The error of the log density that a ladder of levels computes in one pass, without a normaliser. With F_ℓ = −E(·, ℓ) and T the top level,
/// <code>readout(x) = F_0(x) − F_T(x) + log N(x; 0, I)
/// readout(x) − log p(x | 0) = log(Z_0 / Z_T) − [log p(x | T) − log N(x; 0, I)]</code>
/// exact if the marginal of the levels is uniform and the top level is N(0, I). Both errors are measured on grids, at test rows.
/// </summary>
public sealed class DensityReadout(DensityReadoutSpec spec) : IMetric
{
    // N(0, I) has 10⁻¹⁵ of its mass outside.
    const double TopHalfWidth = 8;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (
            subject.Method is not IDensityReadout model
            || subject.Data is not IKnownDensity target
            || subject.Data.Shape is not ([1] or [2])
        )
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (dtype, dimension, top) = (subject.Samples.dtype, (int)subject.Data.Shape[0], model.Levels.Levels - 1);
        var clean = new Grid(dimension, spec.Cells, target.HalfWidth, subject.Data.Test.device);
        var wide = clean with { HalfWidth = Math.Max(TopHalfWidth, target.HalfWidth) };
        var logZ0 = clean.LogIntegral(-clean.Map(x => model.Levels.All(x).select(1, 0), dtype));
        var logZT = wide.LogIntegral(-wide.Map(x => model.Levels.All(x).select(1, top), dtype));

        var x = subject.Data.TestRows.Range(0, Math.Min(spec.Rows, subject.Data.TestRows.Count));
        var energies = Chunked.Map(model.Levels.All, x.to(dtype));
        var error = Chunked.Map(model.Readout, x.to(dtype)) - (-energies.select(1, 0) - logZ0);
        var standard = -x.to(float64).square().sum(-1) / 2 - dimension * Math.Log(2 * Math.PI) / 2;
        var bracket = -energies.select(1, top) - logZT - standard;
        return
        [
            RootMeanSquare(Readout, error),
            Normaliser.Found(logZ0 - logZT, null, clean.Count, spec.Cells, x.shape[0]),
            RootMeanSquare(Top, bracket),
        ];
    }

    Measurement RootMeanSquare(Quantity what, Tensor deviation)
    {
        var (squares, n) = (deviation.square(), deviation.shape[0]);
        var root = Math.Sqrt(squares.mean().item<double>());
        var se = root == 0 ? 0 : Math.Sqrt(squares.var().item<double>() / n) / (2 * root);
        return what.Found(root, se, n, spec.Cells, n);
    }
}

/// <summary>The one-pass log density compared with the one normalised on a grid, for methods that have it, in one or two dimensions.</summary>
/// <param name="Cells">Cells along each axis of the grids.</param>
/// <param name="Rows">Number of test rows at which to compare.</param>
[Kind("density-readout")]
public sealed record DensityReadoutSpec(int Cells = 256, long Rows = 10_000) : IMetricSpec
{
    public static readonly Quantity Readout =
            new(
                "density-readout",
                "nats",
                Lower,
                Secondary,
                "density-readout 1",
                "root mean square error of the one-pass log density",
                Order: 600
            ),
        Normaliser =
            new("density-readout/normaliser", "nats", None, Diagnostic, "density-readout 1", "log(Z_0 / Z_T) on grids", Order: 601),
        Top =
            new(
                "density-readout/top",
                "nats",
                Lower,
                Diagnostic,
                "density-readout 1",
                "root mean square error of the top level",
                Order: 602
            );

    public int Cells { get; } = Require.Between(1, Grid.Most, Cells);
    public long Rows { get; } = Require.AtLeast(2, Rows);

    public IMetric Build(Site site) => new DensityReadout(this);
}
