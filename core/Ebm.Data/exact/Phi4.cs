namespace Ebm.Data;

/// <summary>
/// The φ⁴ field on a periodic L × L lattice,
/// <code>p(φ) = exp(−S(φ)) / Z,   S(φ) = Σ_i [½ Σ_μ (φ_{i+μ} − φ_i)² + ½ m² φ_i² + λ φ_i⁴]</code>
/// with μ one step along each of the two axes. For m² below a negative value that depends on λ, a large lattice is magnetised: the mean of φ is positive or negative.
/// The regions of <see cref="Nearest"/> are these signs, each with mass ½ because S(−φ) = S(φ).
/// <para>
/// Z is estimated, by annealed importance sampling (Neal 2001) from the free field, whose Z₀ has a closed form:
/// <code>S₀ = ½ Σ_k (k̂² + m₀²) |φ_k|²,   k̂² = Σ_μ 4 sin²(k_μ/2),   log Z₀ = ½ Σ_k log(2π / (k̂² + m₀²)),   S_β = (1 − β) S₀ + β S</code>
/// m₀² solves the gap equation m₀² = m² + 12 λ ⟨φ²⟩₀, whose Gaussian is the nearest to p of all free fields (Gibbs and Bogoliubov's bound). Its stream is the same for
/// every seed: Z belongs to the settings, and runs of several seeds are compared with one density.
/// </para>
/// <para>
/// Each row is the end of a chain of its own, so rows are independent. It starts at a draw from the free field, is led to S along S_β, and forgets its start
/// in <c>Settle</c> trajectories of Hamiltonian Monte Carlo under S. Start and trajectories prefer no sign, so the masses of both signs are exact however short the
/// chains are.
/// </para>
/// </summary>
sealed class Phi4 : IExactLaw
{
    // A model's divergence from p inherits this error, in nats.
    const double MostError = .02;

    readonly Phi4Spec spec;
    readonly double freeMass,
        freeLogZ,
        step;
    readonly Tensor root;

    public Phi4(Phi4Spec spec, Device device)
    {
        this.spec = spec;
        Shape = [spec.Side * spec.Side];
        using var scope = NewDisposeScope();
        Weights = full(2, .5, dtype: float64, device: device).DetachFromDisposeScope();

        var momenta = 2 * Math.PI / spec.Side * Sites();
        var laplacian = 4 * (momenta / 2).sin().square().sum(-1);
        freeMass = FreeMass(laplacian);
        var stiffness = laplacian + freeMass;
        freeLogZ = (2 * Math.PI / stiffness).log().sum().item<double>() / 2;
        HalfWidth = Math.Max(4, Math.Ceiling(8 * Math.Sqrt((1 / stiffness).mean().item<double>())));
        // The acceptance stays the same if ε falls as the fourth root of the dimension (Beskos et al. 2013).
        step = 2 / (Math.Pow(Shape[0], .25) * Math.Sqrt(8 + freeMass));

        // The covariance's root, whose entries depend on differences of sites: Σ_k cos k(i − j) / √(k̂² + m₀²) / L².
        var phases = Sites().matmul(momenta.t());
        Tensor Weighed(Tensor waves) => (waves / stiffness.sqrt()).matmul(waves.t());
        root = ((Weighed(phases.cos()) + Weighed(phases.sin())) / Shape[0]).DetachFromDisposeScope();

        LogZ = Annealed(new Rng(0).Stream("phi4"));
        if (!(LogZ.Se <= MostError))
            throw new SettingException(
                nameof(spec.Rungs),
                FormattableString.Invariant(
                    $"is {spec.Rungs}: log Z has a standard error of {LogZ.Se:G2} nats, where {MostError} is allowed; raise it, or chains"
                )
            );
    }

    public string Name => "phi4";
    public long[] Shape { get; }
    public double HalfWidth { get; }
    public long Numbers => 4 * Shape[0];

    /// <summary>Masses of negative and positive magnetisation.</summary>
    public Tensor Weights { get; }

    /// <summary>log Z in nats with its standard error. It is the same for all seeds and on all devices.</summary>
    public LogRatio LogZ { get; }

    public Tensor LogDensity(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (-Action(beta: 1).Of(x.to(float64)) - LogZ.Value).MoveToOuterDisposeScope();
    }

    public Tensor Draw(long count, Rng rng)
    {
        using var scope = NewDisposeScope();
        var climbed = Chain.Repeat(spec.Climb, Free(count, rng), (i, x) => Moved(x, (i + 1.0) / (spec.Climb + 1), 1, rng));
        return Moved(climbed, beta: 1, spec.Settle, rng).MoveToOuterDisposeScope();
    }

    /// <summary>0 and 1 for a negative and a positive sum of φ.</summary>
    public Tensor Nearest(Tensor x) => x.to(float64).sum(-1).gt(0).to(int64);

    /// <summary>Rows of the free field: (count, L²), float32.</summary>
    internal Tensor Free(long count, Rng rng)
    {
        using var scope = NewDisposeScope();
        var xi = rng.NormalLike(empty([count, Shape[0]], dtype: float64, device: rng.Device));
        return xi.matmul(root.to(rng.Device)).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>S_β, on rows of L² numbers.</summary>
    internal Energy Action(double beta)
    {
        var (massSquared, coupling) = ((1 - beta) * freeMass + beta * spec.MassSquared, beta * spec.Coupling);
        Tensor Neighbours(Tensor lattice, int towards) => lattice.roll(towards, 1) + lattice.roll(towards, 2);
        Tensor Of(Tensor x)
        {
            var (lattice, square) = (OnLattice(x), x.square());
            return (square * (2 + massSquared / 2 + coupling * square)).sum(-1) - (lattice * Neighbours(lattice, -1)).sum([1, 2]);
        }
        Tensor Slope(Tensor x)
        {
            var lattice = OnLattice(x);
            return x * (4 + massSquared + 4 * coupling * x.square()) - (Neighbours(lattice, -1) + Neighbours(lattice, 1)).reshape(x.shape);
        }
        return new(Of, x => (Of(x), Slope(x)), _ => new TiledPhi4(spec.Side, massSquared, coupling));
    }

    /// <summary>log Z = log Z₀ + log E[w] over chains from β = 0 to 1, log w = Σ_k (β_k − β_{k−1}) (S₀ − S)(φ_k).</summary>
    LogRatio Annealed(Rng rng)
    {
        using var scope = NewDisposeScope();
        var log = zeros(spec.Chains, dtype: float64);
        double Beta(int rung) => (double)rung / spec.Rungs;
        Chain.Repeat(
            spec.Rungs,
            Free(spec.Chains, rng),
            (i, x) =>
            {
                var square = x.to(float64).square();
                var difference = (square * ((freeMass - spec.MassSquared) / 2 - spec.Coupling * square)).sum(-1);
                log.add_((Beta(i + 1) - Beta(i)) * difference);
                return Moved(x, Beta(i + 1), 1, rng);
            }
        );
        var ratio = Normalisers.Forward(log);
        return ratio with { Value = freeLogZ + ratio.Value };
    }

    /// <summary>Chains after some trajectories under S_β: (B, L²) → (B, L²).</summary>
    Tensor Moved(Tensor x, double beta, int trajectories, Rng rng)
    {
        using var scope = NewDisposeScope();
        // Steps of several lengths, so that no wave returns to its start in every trajectory.
        var steps = step * (.8 + .4 * rng.UniformLike(empty(x.shape[0], dtype: float32, device: x.device)));
        var kernel = new Metropolis(new Leapfrog(steps, spec.Leaps, Temperature: 1));
        return kernel.Run(Action(beta), x, trajectories, rng).MoveToOuterDisposeScope();
    }

    /// <summary>m₀² &gt; 0 with m₀² = m² + 12 λ ⟨φ²⟩₀. The right side falls in m₀² and is at most m² + 12 λ / m₀², which bounds the one solution.</summary>
    double FreeMass(Tensor laplacian)
    {
        var square = laplacian.data<double>().ToArray();
        var (low, high) = (0.0, (spec.MassSquared + Math.Sqrt(spec.MassSquared * spec.MassSquared + 48 * spec.Coupling)) / 2);
        for (var middle = high / 2; middle > low && middle < high; middle = (low + high) / 2)
            if (middle < spec.MassSquared + 12 * spec.Coupling * square.Average(k => 1 / (k + middle)))
                low = middle;
            else
                high = middle;
        return high;
    }

    /// <summary>Row and column of each site: (L², 2), float64.</summary>
    Tensor Sites()
    {
        var along = arange(spec.Side, dtype: float64);
        return cartesian_prod([along, along]);
    }

    Tensor OnLattice(Tensor x) => x.reshape(-1, spec.Side, spec.Side);
}

/// <summary>The φ⁴ field on a periodic lattice. Its density is known up to the error of log Z, a few thousandths of a nat.</summary>
/// <param name="Side">L, from 2 to 16; a row has L² numbers.</param>
/// <param name="MassSquared">m²; negative for two preferred values of each number.</param>
/// <param name="Coupling">λ.</param>
/// <param name="Train">Rows to train on.</param>
/// <param name="Test">Rows to test on.</param>
/// <param name="Chains">Annealed chains for log Z; its standard error falls as their root.</param>
/// <param name="Rungs">Intermediate densities for log Z; its variance falls as their number.</param>
/// <param name="Climb">Trajectories of a row's chain from the free field to the density.</param>
/// <param name="Settle">Trajectories of a row's chain at the density. More are needed far from the defaults where m² is negative.</param>
/// <param name="Leaps">Leapfrog steps of a trajectory.</param>
[Kind("phi4")]
public sealed record Phi4Spec(
    int Side = 8,
    double MassSquared = -1.25,
    double Coupling = .25,
    long Train = 100_000,
    long Test = 10_000,
    long Chains = 8192,
    int Rungs = 100,
    int Climb = 4,
    int Settle = 20,
    int Leaps = 12
) : ISpec<IDataset>
{
    public int Side { get; } = Require.Between(2, 16, Side);
    public double MassSquared { get; } = Require.Between(-100, 100, MassSquared);
    public double Coupling { get; } = Require.Between(1e-6, 1000, Coupling);
    public long Train { get; } = Require.Rows(Train);
    public long Test { get; } = Require.Rows(Test);
    public long Chains { get; } = Require.Between(1000, 1_000_000, Chains);
    public int Rungs { get; } = Require.Between(2, 100_000, Rungs);
    public int Climb { get; } = Require.Moves(Climb);
    public int Settle { get; } = Require.Moves(Settle);
    public int Leaps { get; } = Require.Between(1, 1000, Leaps);

    public IDataset Build(Site site) => new ExactData(new Phi4(this, site.Device), Train, Test, site);
}
