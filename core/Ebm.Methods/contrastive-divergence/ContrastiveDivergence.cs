using Ebm.Core;

namespace Ebm.Methods;

/// <summary>Where generation starts: at the current persistent chains, or at fresh noise.</summary>
public enum Origin
{
    Memory,
    Noise,
}

/// <summary>The distribution of new chains: N(0, width²), or uniform on the cube [−width, width].</summary>
public enum Fresh
{
    Gaussian,
    Uniform,
}

/// <summary>
/// Contrastive divergence: one energy E(x), p(x) = exp(−E(x)) / Z, trained by mean E(x⁺) − mean E(x⁻), which has the gradient of the likelihood if
/// the negatives x⁻ are samples of the model. Here they are the ends of short Langevin chains that start at data (Hinton, "Training products of
/// experts by minimizing contrastive divergence", 2002, eq. 5), at noise, or where the last ones ended: persistent chains (Tieleman 2008), a few of
/// which restart each time (Du and Mordatch 2019). The changes of image papers are settings, with presets: a temperature far below 1, clipped
/// slopes, rows clamped to the data's range; and the two terms that Du, Li, Tenenbaum and Mordatch (2021) add for the energy's influence on the
/// ends of its chains. The defaults' adjusted chain, adapted step size, leaps and penalty on |E|² are our completion.
/// </summary>
public sealed class ContrastiveDivergence : Method, IDensity, IChains
{
    readonly ContrastiveDivergenceSpec settings;
    readonly nn.Module<Tensor, Tensor> net;
    readonly Energy energy;
    readonly Walk walk;
    readonly StepSizes steps;
    readonly Memory chains;

    public ContrastiveDivergence(ContrastiveDivergenceSpec settings, Site site)
        : base("contrastive-divergence", site.Shape)
    {
        this.settings = settings;
        net = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]);
        energy = Energy.Of(net);
        // The energy that chains follow: exp(−target/T) is the model with its confinement.
        var target =
            (settings.Cut is { } limit ? energy.Cut(limit) : energy) + settings.Temperature * Energy.Confinement(settings.Confinement);
        walk = new Walk(target, settings.Temperature, settings.Adjusted, settings.Range);
        steps = new StepSizes(
            full([1], settings.Step, device: site.Device),
            settings.Acceptance,
            settings.Adjusted && settings.Adapt ? .1 : 0,
            settings.StepRange
        );
        chains = new Memory(Fresh(settings.Memory, site.Rng.Stream("chains")), zeros(settings.Memory, dtype: int64, device: site.Device));
        Keep(("energy", net), ("steps", steps), ("chains", chains));
        Parts = new Dictionary<string, nn.Module> { ["energy"] = net };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Positive phase: data.
        var batch = data.Next();
        if (settings.DataNoise > 0)
            batch = batch + settings.DataNoise * rng.NormalLike(batch);

        // Negative phase: the chains.
        var (begun, slots) = Begin(batch, rng);
        var before = Leap(begun, rng);
        if (settings.Kl > 0)
            before = Move(before, settings.Steps - 1, rng).X;
        var walked = Move(before, settings.Kl > 0 ? 1 : settings.Steps, rng, learn: true);
        chains.Store(slots, walked.X, walked.X.AllAt(0));

        var (positive, negative) = (energy.Of(batch), energy.Of(walked.X));
        var loss = Objectives.Contrast(positive, negative);
        if (settings.Magnitude > 0)
            loss = loss + settings.Magnitude * Objectives.Magnitude(positive, negative);
        if (settings.Kl > 0)
            loss = loss + Followed(before, walked.X, rng);
        yield return new(
            "energy",
            loss,
            () => [("gap", Objectives.Contrast(positive, negative)), ("magnitude", positive.abs().mean()), .. walked.Watched(steps, begun)]
        )
        {
            Chains = negative,
        };
    }

    /// <summary>The starts of the chains, and the memory slots where the last of them are stored.</summary>
    (Tensor X, Tensor Slots) Begin(Tensor batch, Rng rng)
    {
        var (fromData, fromNoise) = settings.Start.Shares(settings.FromData, settings.FromNoise, persistent: settings.FromNoise);
        var data = batch.narrow(0, 0, (long)Math.Round(fromData * batch.shape[0]));
        var (x, _, slots) = chains.Begin(
            data,
            data.AllAt(0),
            batch.shape[0],
            fromNoise,
            1 - fromData,
            from => Fresh(from.shape[0], rng),
            0,
            rng
        );
        return (x, slots);
    }

    /// <summary>Langevin on exp(−E/T).</summary>
    Walked Move(Tensor x, int count, Rng rng, bool learn = false) => walk.From(x, x.AllAt(0), steps, count, rng, learn);

    Tensor Leap(Tensor x, Rng rng) => walk.Leap(x, full([1], settings.Leap, device: x.device), settings.Leaps, rng);

    /// <summary>
    /// E(x⁻) − repel · log |x⁻ − nearest| with E's weights held fixed, where x⁻ depends on the weights through its last step, x⁻ = x − ε∇E(x) +
    /// √(2εT) ξ: the part of CD's gradient that the contrast omits, with a nearest-neighbour estimate of the chains' entropy (Du et al. 2021). Only
    /// the gradient is used: the sum's gradient in x⁻ times that of x⁻ in the weights.
    /// </summary>
    Tensor Followed(Tensor before, Tensor x, Rng rng)
    {
        var pull = energy.WithSlope(x).Slope;
        if (settings.Repel > 0)
        {
            using var free = no_grad();
            var others = chains.Draw(Math.Min(settings.Memory, 100), rng).Points;
            var apart = (x.Flat().unsqueeze(1) - others.Flat()).square().sum(-1);
            // A chain stored in this step is at distance 0 from itself, which is not a neighbour.
            var nearest = others[where(apart > 0, apart, full_like(apart, double.PositiveInfinity)).argmin(1)];
            pull = pull - settings.Repel * (x - nearest) / (x - nearest).square().SumPerRow().PerRow(x);
        }
        if (settings.Range is { } bound)
            pull = where(x.abs() < bound, pull, 0);
        return settings.Kl * (pull * steps.All * energy.Score(before)).SumPerRow().mean();
    }

    Tensor Fresh(long count, Rng rng) =>
        settings.Width
        * settings.Fresh switch
        {
            Methods.Fresh.Gaussian => rng.Normal(Shape.Rows(count)),
            Methods.Fresh.Uniform => 2 * rng.Uniform(Shape.Rows(count)) - 1,
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Fresh, "not a valid distribution of fresh chains"),
        };

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        var x = settings.SampleFrom == Origin.Noise ? Fresh(count, rng) : chains.Points[rng.Integers(settings.Memory, count)];
        var rounds = settings.Leaps == 0 ? 1 : (int)Math.Ceiling((double)settings.SampleSteps / settings.Steps);
        return Chain.Repeat(times * rounds, x, (_, at) => Move(Leap(at, rng), settings.SampleSteps / rounds, rng).X);
    }

    /// <summary>−log p(x) + const = E(x)/T: the model has the temperature of the negatives.</summary>
    public Energy Density => (1 / settings.Temperature) * energy + Energy.Confinement(settings.Confinement);
}

/// <summary>Contrastive divergence from data, from noise or from persistent chains.</summary>
/// <param name="Energy">A network from a row to one number.</param>
/// <param name="Steps">Langevin steps per update.</param>
/// <param name="FromData">Share of the chains of a hybrid start that start at this step's data.</param>
/// <param name="FromNoise">Share of the chains of a hybrid or persistent start that restart; the others continue.</param>
/// <param name="Memory">Number of persistent chains, at least a batch.</param>
/// <param name="Fresh">The distribution of new chains.</param>
/// <param name="Width">Its standard deviation, or half the side of its cube.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false is faster, but biased by the step size.</param>
/// <param name="Step">Initial ε in x′ = x − ε∇E + √(2εT) ξ.</param>
/// <param name="StepRange">An adapted step size stays within this factor of the initial one, so that chains cannot freeze unnoticed.</param>
/// <param name="Adapt">Adapt the step size of adjusted moves to their acceptance.</param>
/// <param name="Acceptance">Target acceptance of the adaptation.</param>
/// <param name="Temperature">T of the model exp(−E/T). For a paper's drift a and noise b: ε = a, T = b²/2a.</param>
/// <param name="Cut">Clips each coordinate of the chains' slope to ± this; unset: not clipped.</param>
/// <param name="Range">Clamps chains to [−range, range]; unset: not clamped.</param>
/// <param name="Leaps">Metropolis proposals x + leap · ξ before an update's Langevin steps.</param>
/// <param name="Leap">Length of these proposals.</param>
/// <param name="DataNoise">Standard deviation of the noise added to data.</param>
/// <param name="SampleFrom">Where generation starts.</param>
/// <param name="SampleSteps">Langevin steps in generation.</param>
/// <param name="Magnitude">Weight of E⁺² + E⁻², which penalises a common drift of all energies.</param>
/// <param name="Kl">Weight of the energy at the chains' ends, as a function of the weights through the last step; 0 is plain CD.</param>
/// <param name="Repel">In that term, weight of the log distance to the nearest of 100 chains in memory.</param>
/// <param name="Confinement">Width w of the weak |x|²/2w² that makes the normaliser finite.</param>
[Kind("contrastive-divergence")]
public sealed record ContrastiveDivergenceSpec(
    INetSpec Energy,
    int Steps = 10,
    Start Start = Start.Persistent,
    double FromData = .3,
    double FromNoise = .05,
    int Memory = 10_000,
    Fresh Fresh = Fresh.Gaussian,
    double Width = 1.5,
    bool Adjusted = true,
    double Step = .01,
    double StepRange = 8,
    bool Adapt = true,
    double Acceptance = .6,
    double Temperature = 1,
    double? Cut = null,
    double? Range = null,
    int Leaps = 0,
    double Leap = .5,
    double DataNoise = 0,
    [AfterTraining] Origin SampleFrom = Origin.Memory,
    [AfterTraining] int SampleSteps = 200,
    double Magnitude = 1e-3,
    double Kl = 0,
    double Repel = 0,
    double Confinement = 10
) : ISpec<Method>
{
    public int Steps { get; } = Require.Moves(Steps);
    public double FromData { get; } = Require.Between(0, 1, FromData);
    public double FromNoise { get; } = Require.Between(0, 1 - FromData, FromNoise);
    public int Memory { get; } = Require.Between(1, 10_000_000, Memory);
    public double Width { get; } = Require.Positive(Width);
    public bool Adjusted { get; } =
        Require.That(
            Adjusted,
            !Adjusted || (Cut ?? Range) is null && Kl == 0,
            "cannot be combined with cut, range or kl: the first two have no density, and kl differentiates an unadjusted step (set adjusted: false)"
        );
    public double Step { get; } = Require.Positive(Step);
    public double StepRange { get; } = Require.AtLeast(1, StepRange);
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public double Temperature { get; } = Require.Positive(Temperature);
    public double? Cut { get; } = Require.Positive(Cut);
    public double? Range { get; } = Require.Positive(Range);
    public int Leaps { get; } = Require.Moves(Leaps, least: 0);
    public double Leap { get; } = Require.Positive(Leap);
    public double DataNoise { get; } = Require.NonNegative(DataNoise);
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public double Kl { get; } =
        Require.That(
            Require.NonNegative(Kl),
            Kl == 0 || Cut is null,
            "differentiates the step, which a cut slope does not allow (leave cut out)"
        );
    public double Repel { get; } = Require.NonNegative(Repel);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new ContrastiveDivergence(this, site);
}
