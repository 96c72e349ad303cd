using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>The energy of the negative phase: that of the drawn level, or −log Σ_ℓ exp(−E(x, ℓ)), its expectation over the draw.</summary>
public enum Negative
{
    LogSumExp,
    Sampled,
}

/// <summary>How rows are generated: annealed from level to level, or by the joint chain, which emits a row when it returns to level 0.</summary>
public enum Generation
{
    Annealed,
    Joint,
}

/// <summary>
/// Joint time-sample contrastive divergence: the noise level ("time") is a random variable, and the model is one energy E(x, ℓ) of the pair, p(x,
/// ℓ) = exp(−E(x, ℓ)) / Z, where data are (signal_ℓ x₀ + noise_ℓ ξ, ℓ) with ℓ uniform. Trained by plain contrastive divergence, mean E(x⁺, ℓ⁺) −
/// mean E(x⁻, ℓ⁻), with negatives from a chain that alternates between the conditionals: x given ℓ by Langevin, ℓ given x exactly, p(ℓ | x) =
/// softmax_ℓ(−E(x, ℓ)). A chain can change modes by moving up to noise and back, unlike a chain at one level.
/// Source: Yair and Michaeli, "Thinking fourth dimensionally: treating time as a random variable in EBMs" (2023), of which only the abstract and
/// the start of the introduction are public. The chain, the persistent start and the step sizes per level follow from the joint density and are our
/// completion, close to Zhang, Tan and Ou's DAEBM (2023), but with another Metropolis correction.
/// </summary>
public sealed class JointCd : Method, IDensity, IDensityReadout, IChains, IPortrait
{
    readonly JointCdSpec settings;
    readonly NoiseSchedule noise;
    readonly LevelNet energy;
    readonly StepSizes steps;
    readonly Memory chains;
    readonly LevelJumps jumps;
    readonly Energy confinement;

    public JointCd(JointCdSpec settings, Site site)
        : base("joint-cd", site.Shape)
    {
        this.settings = settings;
        noise = settings.Noise.Build(site);
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, noise);
        steps = new StepSizes(
            settings.Step * (noise.Noise.square() + settings.StepFloor * settings.StepFloor),
            settings.Acceptance,
            settings.Adjusted && settings.Adapt ? .1 : 0
        );
        var levels = site.Rng.Stream("levels").Integers(noise.Levels, settings.Memory);
        chains = new Memory(site.Rng.Stream("chains").Normal(site.Shape.Rows(settings.Memory)), levels);
        jumps = new LevelJumps(noise.Levels, site.Device);
        confinement = Energy.Confinement(settings.Confinement);
        Keep(("energy", energy), ("steps", steps), ("chains", chains), ("jumps", jumps));
        Parts = new Dictionary<string, nn.Module> { ["energy"] = energy };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Positive phase: data, each row at a uniform level.
        var batch = data.Next();
        var level = rng.Integers(noise.Levels, batch.shape[0]);
        var risen = noise.Diffuse(batch, level, rng);

        // Negative phase: the joint chain, alternating x given ℓ and ℓ given x.
        var (begun, l, slots) = Begin(risen, level, rng);
        var walked = Move(begun, l, settings.Steps, rng, learn: true);
        for (var round = 1; round < settings.Rounds; round++)
        {
            var at = l;
            l = settings.Frozen ? l : LevelGiven(walked.X, rng);
            jumps.Record(at, l);
            walked = Move(walked.X, l, settings.Steps, rng, learn: true);
        }

        // One table of energies for the last draw of the level and for the gradient.
        var table = energy.All(walked.X);
        var landed = settings.Frozen ? l : rng.Categorical(-table.detach());
        jumps.Record(l, landed);
        chains.Store(slots, walked.X, landed);

        var positive = energy.At(risen, level);
        var negative =
            settings.Frozen || settings.Negative == Negative.Sampled
                ? table.gather(1, landed.unsqueeze(1)).squeeze(1)
                : -(-table).logsumexp(1);
        var loss = Objectives.Contrast(positive, negative);
        if (settings.Magnitude > 0)
            loss = loss + settings.Magnitude * Objectives.Magnitude(positive, negative);
        yield return new(
            "energy",
            loss,
            () =>
                [
                    ("gap", Objectives.Contrast(positive, negative)),
                    ("magnitude", positive.abs().mean()),
                    .. walked.Watched(steps, begun, l),
                    ("occupancy", landed.Occupancy(noise.Levels)),
                    ("jump", jumps.Matrix),
                ]
        )
        {
            Chains = negative,
        };
    }

    /// <summary>The starts of the chains, their levels, and the memory slots where the last of them are stored.</summary>
    (Tensor X, Tensor Level, Tensor Slots) Begin(Tensor risen, Tensor level, Rng rng)
    {
        var (fromData, fromNoise) = settings.Start.Shares(settings.FromData, settings.FromNoise, persistent: 0);
        var (count, data) = (risen.shape[0], (long)Math.Round(fromData * risen.shape[0]));
        var (rows, at) = (risen.narrow(0, 0, data), level.narrow(0, 0, data));
        return chains.Begin(rows, at, count, fromNoise, 1 - fromData, rng.NormalLike, settings.Frozen ? null : noise.Levels - 1, rng);
    }

    /// <summary>x given ℓ: Langevin with the step size of each chain's level.</summary>
    Walked Move(Tensor x, Tensor level, int count, Rng rng, bool learn = false) =>
        new Walk(energy.At(level) + confinement, Temperature: 1, settings.Adjusted).From(x, level, steps, count, rng, learn);

    /// <summary>ℓ given x, exactly: (B, …) → (B).</summary>
    Tensor LevelGiven(Tensor x, Rng rng)
    {
        using var free = no_grad();
        return rng.Categorical(-energy.All(x));
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        var (top, highest) = (rng.Normal(Shape.Rows(count)), noise.Levels - 1);
        var x =
            settings.Generation == Generation.Annealed
                ? Descent.Run(highest, top, Down(times, rng))
                : Travel.Run(top, top.AllAt(highest), noise.Levels, times * settings.Visits, (x, l) => Transition(x, l, rng));
        return settings.Denoise ? noise.Clean(x, energy.At(x.AllAt(0))) : x;
    }

    /// <summary>x given ℓ, then ℓ given x.</summary>
    (Tensor X, Tensor Level) Transition(Tensor x, Tensor level, Rng rng)
    {
        var moved = Move(x, level, settings.Steps, rng).X;
        return (moved, LevelGiven(moved, rng));
    }

    /// <summary>Annealing: the same number of steps at each level.</summary>
    Func<int, Tensor, Tensor> Down(int times, Rng rng) => (level, x) => Move(x, x.AllAt(level), times * settings.SampleSteps, rng).X;

    /// <summary>−log p(x, ℓ = 0) + const: level 0 is the data with noise₀ added.</summary>
    public Energy Density => energy.Only(0) + confinement;
    public ILevelEnergy Levels => energy.Plus(confinement);
    public NoiseSchedule Noise => noise;

    /// <summary>N(0, I), where generation starts.</summary>
    public Energy Top => Energy.Gaussian(sd: 1, Shape.Size());

    public IReadOnlyList<Tensor> Visit(long count, Rng rng) =>
        Descent.Visit(noise.Levels, noise.Levels - 1, rng.Normal(Shape.Rows(count)), Down(1, rng));

    /// <summary>
    /// log p(x) = E(x, top) − E(x, 0) + log N(x; 0, I): exact if the top level is N(0, I) and levels are uniform. Both energies contain the
    /// confinement, which cancels.
    /// </summary>
    public Tensor Readout(Tensor x)
    {
        var all = energy.All(x);
        return all[.., -1] - all[.., 0] - x.square().SumPerRow() / 2 - Shape.Size() * Math.Log(2 * Math.PI) / 2;
    }

    public IEnumerable<NamedArray> Portrait(Rng rng)
    {
        yield return Arrays.Named("level-jumps", ["from", "to"], jumps.Matrix.nan_to_num(0));
        if (Shape is not [var dimension])
            yield break;
        const int travellers = 16,
            rounds = 200;
        var path = new List<Tensor>();
        var x = rng.Normal(travellers, dimension);
        var l = x.AllAt(noise.Levels - 1);
        for (var round = 0; round < rounds; round++)
        {
            (x, l) = Transition(x, l, rng);
            path.Add(cat([x, l.to(x.dtype).unsqueeze(1)], 1).detach());
        }
        yield return Arrays.Named("trajectories", ["round", "chain", "coordinate, then level"], stack(path.ToArray()));
    }
}

/// <summary>Joint time-sample contrastive divergence.</summary>
/// <param name="Steps">Langevin steps per transition.</param>
/// <param name="Rounds">Transitions, each ending in a draw of the level; more updates with few transitions learn faster.</param>
/// <param name="FromData">Share of the chains of a hybrid start that start at this step's data.</param>
/// <param name="FromNoise">Share of the chains that start at N(0, I) at the top level; the others continue.</param>
/// <param name="Memory">Number of persistent chains, at least a batch.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false is faster, but biased by the step size.</param>
/// <param name="Step">Initial ε_ℓ = step · (noise_ℓ² + step-floor²).</param>
/// <param name="StepFloor">Keeps step sizes of the lowest levels from vanishing with their noise, in units of the data.</param>
/// <param name="Adapt">Adapt each level's step size of adjusted moves to its acceptance.</param>
/// <param name="Acceptance">Target acceptance of the adaptation.</param>
/// <param name="Frozen">Chains keep their level: contrastive divergence of each level's density p(x | ℓ), for comparison, because it differs in
/// the moves of the level alone. The normalisers of its levels are unrelated, so it has no one-pass density.</param>
/// <param name="SampleSteps">Langevin steps per level in annealed generation.</param>
/// <param name="Visits">Number of the arrival at level 0 at which the joint chain emits its row.</param>
/// <param name="Denoise">Replace generated rows by Tweedie's estimate of the clean row.</param>
/// <param name="Magnitude">Weight of E⁺² + E⁻², which penalises a common drift of all energies.</param>
/// <param name="Confinement">Width w of the weak |x|²/2w² that makes every level's normaliser finite.</param>
[Kind("joint-cd")]
public sealed record JointCdSpec(
    ILevelEnergySpec Energy,
    ISpec<NoiseSchedule> Noise,
    int Steps = 4,
    int Rounds = 1,
    Start Start = Start.Hybrid,
    double FromData = .3,
    double FromNoise = .05,
    int Memory = 10_000,
    bool Adjusted = true,
    double Step = .15,
    double StepFloor = .1,
    bool Adapt = true,
    double Acceptance = .6,
    Negative Negative = Negative.LogSumExp,
    [AfterTraining] Generation Generation = Generation.Annealed,
    [AfterTraining] int SampleSteps = 20,
    [AfterTraining] int Visits = 5,
    [AfterTraining] bool Denoise = false,
    double Magnitude = 0,
    double Confinement = 10,
    [OldRunsHad(false)] bool Frozen = false
) : ISpec<Method>
{
    public Generation Generation { get; } =
        Require.That(
            Generation,
            !Frozen || Generation == Generation.Annealed,
            "moves the level, which frozen: true keeps (set generation: annealed, or frozen: false)"
        );
    public int Steps { get; } = Require.Moves(Steps);
    public int Rounds { get; } = Require.Updates(Rounds);
    public double FromData { get; } = Require.Between(0, 1, FromData);
    public double FromNoise { get; } = Require.Between(0, 1 - FromData, FromNoise);
    public int Memory { get; } = Require.Between(1, 10_000_000, Memory);
    public double Step { get; } = Require.Positive(Step);
    public double StepFloor { get; } = Require.NonNegative(StepFloor);
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public int Visits { get; } = Require.Moves(Visits);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new JointCd(this, site);
}
