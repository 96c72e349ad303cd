using static Ebm.Metrics.AisSpec;

namespace Ebm.Metrics;

/// <summary>
/// log Z = log ∫ exp(−E) by annealed importance sampling (Neal 2001), forward and reverse, from q = N(m, AAᵀ) fitted to the training rows
/// to exp(−E) along
/// <code>E_β = (1 − β) E_q + β E,   log w = Σ_k (β_k − β_{k−1}) (E_q − E)(x_k),   x_{k+1} ~ a Metropolis chain at β_k</code>
/// The forward run starts at draws of q and is too low on average. The reverse run starts at the model's samples, moved by a further chain at β =
/// 1, and is too high on average if these follow the density. If both samplers work, the truth is between them; Bennett's acceptance ratio combines
/// both. Chains move in the coordinates z of x = m + Az, in which q is N(0, I). For images with uniform noise, the likelihood of test rows is also given in
/// bits per dimension of their eight-bit values, with log Z of Bennett's ratio (<c>ais/bits</c>), of the forward run (<c>/low</c>) and of the reverse
/// run (<c>/high</c>); on average the true value of this model is between the last two.
/// </summary>
public sealed class Ais(AisSpec spec) : IMetric
{
    // The least variance relative to the widest direction: data in a plane still needs a density in the whole space.
    const double Floor = 1e-6;

    // Optimal acceptance depends little on the number of leaps: .574 for one, .65 for many.
    const double Acceptance = .6;

    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IDensity model)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (data, dtype, rng) = (subject.Data, subject.Samples.dtype, subject.Rng);
        var gaussian = MatchedGaussian.To(data, Floor);
        var density = model.Density;
        // log Z in z differs by log |det A|; the log normaliser of exp(−|z|²/2) is ½ d log 2π.
        var map = new TiledGaussian(gaussian);
        var target = new Energy(
            z => density.Of(gaussian.From(z).reshape(data.Shape.Rows(z.shape[0]))),
            tiled: z => density.Tiled(z.reshape(data.Shape.Rows(z.shape[0]))) is { } own ? new TiledComposed(map, own) : null
        );
        var constant = gaussian.LogNormaliser;
        var path = new Path(target, spec.Rungs);

        var like = zeros(spec.Chains, data.Shape.Size(), dtype: dtype, device: subject.Samples.device);
        Tensor Start(string stream) => rng.Stream(stream).NormalLike(like);
        var steps = Pilot(path, Start("pilot"), rng.Stream("pilot chains"));
        var forward = Walk(path, steps, Start("start"), up: true, rng.Stream("forward"));
        var settled = gaussian.Whitened(subject.Samples.narrow(0, 0, Math.Min(spec.Chains, subject.Samples.shape[0]))).to(dtype);
        settled = Kernel(steps[^1], settled).Run(target, settled, spec.Settle, rng.Stream("settle"));
        var reverse = Walk(path, steps, settled, up: false, rng.Stream("reverse"));

        var (f, r, both) = (
            Normalisers.Forward(forward.LogWeights),
            Normalisers.Reverse(reverse.LogWeights),
            Normalisers.Bar(forward.LogWeights, reverse.LogWeights)
        );
        var energies = Chunked.Map(chunk => density.Values(chunk.to(dtype)), data.TestRows);
        var n = energies.shape[0];
        Measurement Value(Quantity what, double value, double? se = null, long? count = null) =>
            what.Found(value, se, count ?? spec.Chains, spec.Rungs, spec.Chains, spec.Leaps, spec.Steps, spec.Settle, n);
        // Of test rows, with log Z from one of the estimates.
        (double Value, double Se) Likelihood(LogRatio z) =>
            (energies.mean().item<double>() + z.Value + constant, Math.Sqrt(energies.var().item<double>() / n + z.Se * z.Se));
        IEnumerable<Measurement> InBits(Quantity what, LogRatio z)
        {
            if (data is IEightBit eight && Likelihood(z) is var (nats, se) && eight.BitsPerDimension(nats) is { } bits)
                yield return Value(what, bits, eight.BitsPerDimension(nats + se) - bits, n);
        }
        var nll = Likelihood(both);
        return
        [
            Value(Nll, nll.Value, nll.Se, n),
            .. InBits(Bits, both),
            .. InBits(BitsLow, f),
            .. InBits(BitsHigh, r),
            Value(LogZ, both.Value + constant, both.Se),
            Value(LogZForward, f.Value + constant, f.Se),
            Value(LogZReverse, r.Value + constant, r.Se),
            Value(Gap, r.Value - f.Value, Math.Sqrt(r.Se * r.Se + f.Se * f.Se)),
            Value(Ess, f.Ess),
            Value(Accepted, (forward.Accepted + reverse.Accepted) / 2),
        ];
    }

    /// <summary>From N(0, I) to the target: β increases along a logistic curve, slowest at both ends, where the densities change fastest.</summary>
    sealed class Path(Energy target, int rungs)
    {
        const double Steepness = 4;
        static readonly Energy Base = Energy.Confinement(1);

        public int Rungs => rungs;

        public double Beta(int rung) => (Logistic((double)rung / rungs) - Logistic(0)) / (Logistic(1) - Logistic(0));

        public Energy At(int rung)
        {
            var beta = tensor(Beta(rung), dtype: float32);
            return (1 - beta) * Base + beta * target;
        }

        /// <summary>(β_k − β_{k−1}) (E_q − E)(z): (B), float64.</summary>
        public Tensor Increment(int rung, Tensor z) =>
            (Beta(rung) - Beta(rung - 1)) * (Base.Values(z).to(float64) - target.Values(z).to(float64));

        static double Logistic(double share) => 1 / (1 + Math.Exp(-Steepness * (2 * share - 1)));
    }

    IKernel Kernel(double step, Tensor z) =>
        new Metropolis(new Leapfrog(full([1], step, dtype: z.dtype, device: z.device), spec.Leaps, Temperature: 1));

    /// <summary>
    /// The step size of each rung, adapted by separate chains on the way up: if it adapted to the weighted chains, their transitions would depend
    /// on their own past.
    /// </summary>
    double[] Pilot(Path path, Tensor z, Rng rng)
    {
        const int Tries = 5;
        const double Gain = .5;
        var (log, steps) = (Math.Log(.5), new double[path.Rungs + 1]);
        for (var rung = 0; rung <= path.Rungs; rung++)
        {
            using var inner = NewDisposeScope();
            for (var i = 0; i < (rung == 0 ? 10 : 1) * Tries; i++)
            {
                (z, var accepted) = Kernel(Math.Exp(log), z).RunAccepting(path.At(rung), z, 1, rng);
                log += Gain * (accepted.mean().to(float64).item<double>() - Acceptance);
            }
            steps[rung] = Math.Exp(log);
            z = z.MoveToOuterDisposeScope();
        }
        return steps;
    }

    /// <summary>Both directions use the same rungs with the same reversible kernels, in opposite order.</summary>
    (Tensor LogWeights, double Accepted) Walk(Path path, double[] steps, Tensor z, bool up, Rng rng)
    {
        var (log, accepted) = (zeros(z.shape[0], dtype: float64, device: z.device), zeros(1, dtype: z.dtype, device: z.device));
        for (var i = 1; i <= path.Rungs; i++)
        {
            using var inner = NewDisposeScope();
            var weighed = up ? i : path.Rungs + 1 - i;
            log.add_(path.Increment(weighed, z));
            if (i == path.Rungs)
                break;
            var at = up ? weighed : weighed - 1;
            (z, var taken) = Kernel(steps[at], z).RunAccepting(path.At(at), z, spec.Steps, rng);
            z.MoveToOuterDisposeScope();
            accepted.add_(taken.mean());
        }
        return (log, accepted.to(float64).item<double>() / (path.Rungs - 1));
    }
}

/// <summary>log Z and NLL by annealed importance sampling, forward and reverse, for methods with a density.</summary>
/// <param name="Rungs">Number of intermediate densities; the gap is roughly inversely proportional to it.</param>
/// <param name="Chains">Number of parallel chains in each direction.</param>
/// <param name="Leaps">Leapfrog steps per trajectory: 1 is Metropolis-adjusted Langevin, more is Hamiltonian Monte Carlo.</param>
/// <param name="Steps">Trajectories at each rung.</param>
/// <param name="Settle">Trajectories at the density itself before the reverse run.</param>
[Kind("ais")]
public sealed record AisSpec(int Rungs = 300, long Chains = 500, int Leaps = 3, int Steps = 1, int Settle = 100) : IMetricSpec
{
    public static readonly Quantity Nll =
            new("ais/nll", "nats", Lower, Primary, "ais 1", "negative log-likelihood of test rows", Order: 240),
        LogZ = new("ais/log-z", "nats", None, Diagnostic, "ais 1", "log Z by Bennett's acceptance ratio of both directions", Order: 241),
        LogZForward = new("ais/forward", "nats", None, Diagnostic, "ais 1", "log Z from the Gaussian, too low on average", Order: 242),
        LogZReverse =
            new("ais/reverse", "nats", None, Diagnostic, "ais 1", "log Z from the model's samples, too high on average", Order: 243),
        Gap = new("ais/gap", "nats", Lower, Diagnostic, "ais 1", "reverse minus forward", Order: 244),
        Ess = new("ais/ess", "rows", Higher, Diagnostic, "ais 1", "effective rows of the forward weights", Order: 245),
        Accepted = new("ais/accepted", "probability", None, Diagnostic, "ais 1", "mean acceptance", Order: 246),
        Bits =
            new("ais/bits", "bits per dimension", Lower, Primary, "ais 1", "ais/nll of images in bits of an eight-bit value", Order: 247),
        BitsLow =
            new(
                "ais/bits/low",
                "bits per dimension",
                None,
                Secondary,
                "ais 1",
                "from log Z of ais/forward: too low on average",
                Order: 248
            ),
        BitsHigh =
            new(
                "ais/bits/high",
                "bits per dimension",
                None,
                Secondary,
                "ais 1",
                "from log Z of ais/reverse: too high on average",
                Order: 249
            );

    public int Rungs { get; } = Require.Between(2, 100_000, Rungs);
    public long Chains { get; } = Require.Between(2, 100_000, Chains);
    public int Leaps { get; } = Require.Between(1, 1000, Leaps);
    public int Steps { get; } = Require.Between(1, 10_000, Steps);
    public int Settle { get; } = Require.Moves(Settle, least: 0);

    public IMetric Build(Site site) => new Ais(this);
}
