using static Ebm.Metrics.GridKlSpec;

namespace Ebm.Metrics;

/// <summary>
/// The divergence between the true density and a model's, both integrated on a grid:
/// <code>grid-kl = KL(p_data ‖ p_model) = Σ p_data log(p_data / p_model) Δ,   log Z = log Σ exp(−E) Δ</code>
/// The model has no mass outside the box; its mass near the border shows whether that matters. The Gaussian with the target's moments is a baseline
/// that models should beat. The reverse divergence is infinite, and not reported, if the target's density is zero somewhere. For a base with a
/// density, the divergence of the base is reported too. Grid and box are checked by doubling each, once for a target in a process.
/// </summary>
public sealed class GridKl(GridKlSpec spec) : IMetric
{
    const double Tolerance = 1e-3;
    static readonly Lock held = new();

    // Runs that share a process mostly share a target, and a run that measures while it trains measures the same one again. Only the last is kept: its
    // values may be many.
    static Truth? last;

    /// <summary>The target on its grid: its normalised log density at every midpoint, and values computed from it.</summary>
    /// <param name="Data">Name and digest of the rows.</param>
    /// <param name="Raw">The log density at every midpoint as the target gives it, on the CPU as all that is kept.</param>
    sealed record Truth(
        (string Name, string Digest, int Dimension, int Cells, double HalfWidth) Data,
        Tensor Raw,
        Tensor LogP,
        double Gaussian
    );

    /// <exception cref="InvalidOperationException">The grid does not resolve the target.</exception>
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model || subject.Data is not IKnownDensity target || subject.Data.Shape is not ([1] or [2]))
            return [];
        using var scope = NewDisposeScope();
        var grid = new Grid((int)subject.Data.Shape[0], spec.Cells, target.HalfWidth, subject.Data.Train.device);
        var (logP, gaussian) = Known(grid, subject.Data, target);
        Tensor Normalised(Tensor log) => log - grid.LogIntegral(log);
        Tensor LogDensity(Energy energy) => Normalised(-grid.Map(energy.Values, subject.Samples.dtype));
        var logQ = LogDensity(model.Density);

        var (p, q) = ((logP + grid.LogCell).exp(), (logQ + grid.LogCell).exp());
        var border = q[grid.Points().abs().amax(-1) > .95 * grid.HalfWidth].sum();
        var everywhere = !logP.isinf().any().item<bool>();
        Measurement Value(Quantity what, double value) => what.Found(value, null, grid.Count, grid.Cells, grid.HalfWidth);
        NamedArray Picture(string name, Tensor logDensity) =>
            Arrays.Named(name, grid.Dimension == 1 ? ["x"] : ["y", "x"], grid.Coarse(logDensity, spec.Picture));

        List<Measurement> all =
        [
            Value(Kl, Divergence(p, logP, logQ)) with
            {
                Arrays =
                [
                    Picture("landscape", logQ),
                    Picture("truth", logP),
                    Arrays.Named("landscape-axis", ["midpoint"], (grid with { Cells = spec.Picture }).Axis()),
                ],
            },
            Value(KlOfGaussian, gaussian),
            Value(Border, border.item<double>()),
        ];
        if (subject.Method is IOnBase { Base: var ofBase })
            all.Add(Value(KlOfBase, Divergence(p, logP, LogDensity(ofBase))));
        if (everywhere)
            all.Add(Value(Reverse, Divergence(q, logQ, logP)));
        return all;
    }

    /// <summary>Σ p (log p − log q); cells without mass contribute nothing.</summary>
    static double Divergence(Tensor p, Tensor logP, Tensor logQ) => where(p > 0, p * (logP - logQ), zeros_like(p)).sum().item<double>();

    /// <summary>
    /// The target's normalised log density, and the divergence of its Gaussian. A target is the one that is kept if it has its rows and, bit for bit,
    /// its values on the grid: they cost a ninth of the whole check, and two targets with the same rows could have different densities.
    /// </summary>
    static (Tensor LogP, double Gaussian) Known(Grid grid, IDataset data, IKnownDensity target)
    {
        var raw = grid.Map(target.LogDensity, float64);
        using var onHost = raw.cpu();
        var key = (data.Name, data.Digest, grid.Dimension, grid.Cells, grid.HalfWidth);
        lock (held)
            if (last is { } known && known.Data == key && known.Raw.bytes.SequenceEqual(onHost.bytes))
                return (known.LogP.to(grid.Device, copy: true), known.Gaussian);
        var (logP, gaussian) = Checked(grid, raw, data, target);
        lock (held)
        {
            last?.Raw.Dispose();
            last?.LogP.Dispose();
            last = new Truth(key, onHost.clone().DetachFromDisposeScope(), logP.cpu().clone().DetachFromDisposeScope(), gaussian);
        }
        return (logP, gaussian);
    }

    static (Tensor LogP, double Gaussian) Checked(Grid grid, Tensor raw, IDataset data, IKnownDensity target)
    {
        using var scope = NewDisposeScope();
        var (logMass, entropy, logP) = Integrate(grid, raw);
        Doubled(grid with { Cells = 2 * grid.Cells }, "cells half as wide", "raise cells");
        Doubled(
            new Grid(grid.Dimension, 2 * grid.Cells, 2 * grid.HalfWidth, grid.Device),
            "a box twice as wide",
            "give the data set a larger HalfWidth"
        );
        return (logP.MoveToOuterDisposeScope(), Gaussian(grid, logP) - entropy);

        void Doubled(Grid other, string what, string remedy)
        {
            using var inner = NewDisposeScope();
            var (otherMass, otherEntropy, _) = Integrate(other, other.Map(target.LogDensity, float64));
            if (Math.Abs(otherMass - logMass) < Tolerance && Math.Abs(otherEntropy - entropy) < Tolerance)
                return;
            throw new InvalidOperationException(
                $"grid-kl: {grid.Cells} cells per axis over ±{grid.HalfWidth} do not resolve {data.Name}: with {what} its log mass changes "
                    + $"from {logMass:g6} to {otherMass:g6} and its entropy from {entropy:g6} to {otherEntropy:g6} nats, "
                    + $"but only {Tolerance} is allowed; {remedy}"
            );
        }
    }

    static (double LogMass, double Entropy, Tensor LogP) Integrate(Grid grid, Tensor raw)
    {
        using var scope = NewDisposeScope();
        var logMass = grid.LogIntegral(raw);
        var logP = raw - logMass;
        return (logMass, -Divergence((logP + grid.LogCell).exp(), logP, zeros_like(logP)), logP.MoveToOuterDisposeScope());
    }

    /// <summary>Entropy of the Gaussian with the mean and covariance of p: ½ log det(2πe Σ), in nats.</summary>
    static double Gaussian(Grid grid, Tensor logP)
    {
        var (points, p) = (grid.Points(), (logP + grid.LogCell).exp().unsqueeze(-1));
        var centred = points - (p * points).sum(dim: 0);
        var covariance = (p * centred).t().matmul(centred);
        return (2 * Math.PI * Math.E * linalg.eigvalsh(covariance)).log().sum().item<double>() / 2;
    }
}

/// <summary>KL(p_data ‖ p_model) on a grid, for methods with a density and data with a known density, in one or two dimensions.</summary>
/// <param name="Cells">Cells along each axis.</param>
/// <param name="Picture">Cells along each axis of the figures of the landscape and the truth; must divide cells.</param>
[Kind("grid-kl")]
public sealed record GridKlSpec(int Cells = 512, int Picture = 128) : IMetricSpec
{
    public static readonly Quantity Kl =
            new(
                "grid-kl",
                "nats",
                Lower,
                Primary,
                "grid-kl 1",
                "KL(p_data ‖ p_model) on a grid",
                Order: 100,
                ComparedWith: "grid-kl/gaussian"
            ),
        KlOfGaussian = new("grid-kl/gaussian", "nats", None, Secondary, "grid-kl 1", "KL(p_data ‖ Gaussian with its moments)", Order: 101),
        KlOfBase = new("grid-kl/base", "nats", None, Secondary, "grid-kl 1", "KL(p_data ‖ the base that the energy tilts)", Order: 102),
        Reverse =
            new("grid-kl/reverse", "nats", Lower, Secondary, "grid-kl 1", "KL(p_model ‖ p_data), if p_data > 0 everywhere", Order: 103),
        Border =
            new(
                "grid-kl/border",
                "probability",
                Lower,
                Diagnostic,
                "grid-kl 1",
                "the model's mass in the outer 5 % of the box",
                Order: 104
            );

    public int Cells { get; } = Require.Between(1, Grid.Most, Cells);
    public int Picture { get; } =
        Require.That(Require.Positive(Picture), Cells % Picture == 0, $"must divide the {Cells} cells", nameof(Picture));

    public IMetric Build(Site site) => new GridKl(this);
}
