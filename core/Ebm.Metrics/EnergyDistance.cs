namespace Ebm.Metrics;

/// <summary>
/// How far samples are from the data, without a density: Székely's energy distance
/// <code>D = 2 E|X − Y| − E|X − X′| − E|Y − Y′|</code>
/// zero exactly when both have the same law. The estimate averages over distinct pairs only, so it is unbiased, and negative about as
/// often as positive for perfect samples. Its standard error is the jackknife's: right where the laws differ, √2 too wide where they agree.
/// The data are fresh draws where the density is known, else test rows at random. Beside it <c>energy-distance/gaussian</c>, of draws
/// from the Gaussian with the training rows' moments, and <c>energy-distance/floor</c>, of as many real rows.
/// </summary>
public sealed class EnergyDistance : IMetric
{
    const long ChunkRows = 512;
    const long MomentRows = 10_000;
    readonly EnergyDistanceSpec spec;

    internal EnergyDistance(EnergyDistanceSpec spec) => this.spec = spec;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (data, rng) = (subject.Data, subject.Rng);
        var samples = subject.Samples.narrow(0, 0, Math.Min(spec.Samples, subject.Samples.shape[0]));
        var count = samples.shape[0];
        var real = new Real(data, spec.Reference, rng.Stream("reference"));
        var rival = data is IKnownDensity known ? known.Draw(count, rng.Stream("floor")) : Some(data.Train, count, rng.Stream("floor"));
        return
        [
            real.Judge("energy-distance", samples, "lower"),
            real.Judge("energy-distance/gaussian", Gaussian(data, count, rng.Stream("gaussian")), "none"),
            real.Judge("energy-distance/floor", rival, "none"),
        ];
    }

    /// <summary>The energy distance between two sets of rows, with its standard error.</summary>
    /// <param name="x">(n, …), n ≥ 2.</param>
    /// <param name="y">(m, …), m ≥ 2, rows of the same size.</param>
    public static (double Value, double Se) Between(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        return new Real(y).From(x);
    }

    /// <summary>The rows that others are compared with; their distances among themselves are taken once.</summary>
    internal sealed class Real(Tensor given)
    {
        readonly Tensor rows = Flat(given);
        Tensor? among;

        /// <summary>Rows of the data's law that no method trained on: fresh ones where they can be drawn, else some test rows.</summary>
        public Real(IDataset data, long count, Rng rng)
            : this(data is IKnownDensity known ? known.Draw(count, rng) : Some(data.Test, count, rng)) { }

        public Measurement Judge(string name, Tensor others, string better)
        {
            var (value, se) = From(others);
            return new(
                name,
                value,
                "length",
                better,
                Se: se,
                N: others.shape[0],
                Protocol: Protocol.Of("energy-distance 1", others.shape[0], rows.shape[0])
            );
        }

        public (double Value, double Se) From(Tensor others)
        {
            var x = Flat(others).to(rows.device);
            var (n, m) = (x.shape[0], rows.shape[0]);
            var (across, down) = Sums(x, rows);
            // A row's own distance is zero: dividing by one less leaves it out of the mean.
            var within = Sums(x, x).Across / (n - 1);
            among ??= Sums(rows, rows).Across / (m - 1);
            var (ofOthers, ofRows) = (across / m - within, down / n - among);
            var variance = 4 * (ofOthers.var() / n + ofRows.var() / m);
            return ((ofOthers.mean() + ofRows.mean()).item<double>(), Math.Sqrt(variance.item<double>()));
        }

        /// <summary>(B, …) → (B, d), float64.</summary>
        static Tensor Flat(Tensor x) => x.to(float64).flatten(1);
    }

    /// <summary>Sums of |a_i − b_j| over j, and over i: (n, d), (m, d) → (n), (m).</summary>
    static (Tensor Across, Tensor Down) Sums(Tensor a, Tensor b)
    {
        var (lengths, down, across) = (b.square().sum(1), zeros(b.shape[0], dtype: float64, device: b.device), new List<Tensor>());
        for (long from = 0; from < a.shape[0]; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            var rows = a.narrow(0, from, Math.Min(ChunkRows, a.shape[0] - from));
            var distances = (rows.square().sum(1, keepdim: true) + lengths - 2 * rows.matmul(b.t())).clamp_(min: 0).sqrt_();
            down.add_(distances.sum(dim: 0));
            across.Add(distances.sum(1).MoveToOuterDisposeScope());
        }
        return (cat(across, 0), down);
    }

    /// <summary>At most so many rows, drawn without replacement: files are often sorted.</summary>
    static Tensor Some(Tensor rows, long count, Rng rng) =>
        rows.index_select(0, rng.Permutation(rows.shape[0]).narrow(0, 0, Math.Min(count, rows.shape[0])).to(rows.device));

    /// <summary>Draws with the mean and covariance of the first training rows: (count, d).</summary>
    static Tensor Gaussian(IDataset data, long count, Rng rng)
    {
        var rows = data.Train.narrow(0, 0, Math.Min(MomentRows, data.Train.shape[0])).to(float64).flatten(1);
        var mean = rows.mean([0]);
        var centred = rows - mean;
        var (spread, directions) = linalg.eigh(centred.t().matmul(centred) / (rows.shape[0] - 1));
        var noise = rng.Normal(count, rows.shape[1]).to(float64).to(rows.device);
        return mean + (noise * spread.clamp(min: 0).sqrt()).matmul(directions.t());
    }
}

/// <summary>The energy distance between samples and data, for any data set.</summary>
/// <param name="Samples">At most so many of the run's samples, the first ones.</param>
/// <param name="Reference">Real rows to compare them with.</param>
[Kind("energy-distance")]
public sealed record EnergyDistanceSpec(long Samples = 2000, long Reference = 4000) : ISpec<IMetric>
{
    public long Samples { get; } = Require.AtLeast(2, Samples);
    public long Reference { get; } = Require.AtLeast(2, Reference);

    public IMetric Build(Site site) => new EnergyDistance(this);
}
