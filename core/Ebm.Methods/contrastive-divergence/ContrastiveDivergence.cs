using Ebm.Core;

namespace Ebm.Methods;

/// <summary>Where generation begins: at the chains of training, where they stand, or at the noise that begins chains.</summary>
public enum Origin
{
    Memory,
    Noise,
}

/// <summary>What fresh chains are drawn from: N(0, width²), or the cube [−width, width].</summary>
public enum Fresh
{
    Gaussian,
    Uniform,
}

/// <summary>
/// Contrastive divergence: one energy E(x), p(x) = exp(−E(x)) / Z, trained by mean E(x⁺) − mean E(x⁻), whose gradient is that of the
/// likelihood where the negatives x⁻ are the model's own samples. Here they are where short Langevin chains end that began at data
/// (Hinton, "Training products of experts by minimizing contrastive divergence", 2002, eq. 5), at noise, or where the last ones ended:
/// persistent chains (Tieleman 2008), of which a few begin anew each time (Du and Mordatch 2019).
/// What image papers changed is settings, with presets: chains at a temperature far below 1, their slope cut, their rows kept in the
/// data's range; and the two terms that Du, Li, Tenenbaum and Mordatch (2021) add for the energy's own influence on where its chains
/// end. The adjusted chain, its adapted step, the leaps and the penalty on |E|² in the defaults are our completion.
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
        // What chains follow: exp(−target/T) is the confined model.
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

        // Negative phase: the chains from their start.
        var (begun, slots) = Begin(batch, rng);
        var before = Leap(begun, rng);
        if (settings.Kl > 0)
            before = Move(before, settings.Steps - 1, rng).X;
        var walked = Move(before, settings.Kl > 0 ? 1 : settings.Steps, rng, learn: true);
        chains.Store(slots, walked.X, walked.X.AllAt(0));

        var (positive, negative) = (energy.Of(batch), energy.Of(walked.X));
        var loss = Objectives.Contrast(positive, negative) + settings.Magnitude * Objectives.Magnitude(positive, negative);
        if (settings.Kl > 0)
            loss = loss + Followed(before, walked.X, rng);
        yield return new(
            "energy",
            loss,
            [("gap", Objectives.Contrast(positive, negative)), ("magnitude", positive.abs().mean()), .. walked.Watched(steps, begun)]
        )
        {
            Chains = negative,
        };
    }

    /// <summary>Rows where the chains begin, and the slots of memory to which the last of them go back.</summary>
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
    /// E(x⁻) − repel · log |x⁻ − nearest|, E's weights held, x⁻ as it follows from the weights through its last step alone,
    /// x⁻ = x − ε∇E(x) + √(2εT) ξ: the part of CD's gradient that the contrast leaves out, with an estimate of the chains' entropy by
    /// nearest neighbours (Du et al. 2021). Only its gradient matters, and that is the sum's in x⁻ times x⁻'s in the weights.
    /// </summary>
    Tensor Followed(Tensor before, Tensor x, Rng rng)
    {
        var pull = energy.WithSlope(x).Slope;
        if (settings.Repel > 0)
        {
            using var free = no_grad();
            var others = chains.Draw(Math.Min(settings.Memory, 100), rng).Points;
            var apart = (x.Flat().unsqueeze(1) - others.Flat()).square().sum(-1);
            // A chain that was just stored is its own neighbour at distance 0, and pulls nowhere.
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
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Fresh, "is not a law of fresh chains"),
        };

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        var x = settings.SampleFrom == Origin.Noise ? Fresh(count, rng) : chains.Points[rng.Integers(settings.Memory, count)];
        var rounds = settings.Leaps == 0 ? 1 : (int)Math.Ceiling((double)settings.SampleSteps / settings.Steps);
        return Chain.Repeat(times * rounds, x, (_, at) => Move(Leap(at, rng), settings.SampleSteps / rounds, rng).X);
    }

    /// <summary>−log p(x) + const = E(x)/T: the temperature of the negatives is the model's.</summary>
    public Energy Density => (1 / settings.Temperature) * energy + Energy.Confinement(settings.Confinement);
}

/// <summary>Contrastive divergence from data, from noise or from persistent chains.</summary>
/// <param name="Energy">From a row to a number.</param>
/// <param name="Steps">Langevin steps per update.</param>
/// <param name="FromData">Share of the chains of a hybrid start that begin at this step's data.</param>
/// <param name="FromNoise">Share of a hybrid or persistent start that begins anew; the rest goes on where it was.</param>
/// <param name="Memory">Persistent chains, at least a batch.</param>
/// <param name="Fresh">What chains that begin anew are drawn from.</param>
/// <param name="Width">Standard deviation, or half side, of that.</param>
/// <param name="Adjusted">Metropolis-adjusted moves; false is faster and biased by the step.</param>
/// <param name="Step">ε at the start, in x′ = x − ε∇E + √(2εT) ξ.</param>
/// <param name="StepRange">An adapted step stays within this factor of where it started, so that chains cannot freeze unseen.</param>
/// <param name="Adapt">Adjusted moves learn the step from their acceptance.</param>
/// <param name="Acceptance">What adaptation aims at.</param>
/// <param name="Temperature">T of exp(−E/T), which negatives come from, the model. A paper's drift a, noise b: ε = a, T = b²/2a.</param>
/// <param name="Cut">Each coordinate of the slope that chains follow is cut to ± this; unset, followed as it is.</param>
/// <param name="Range">Chains stay in [−range, range]; unset, everywhere.</param>
/// <param name="Leaps">Metropolis proposals x + leap · ξ before an update's Langevin steps.</param>
/// <param name="Leap">Their length.</param>
/// <param name="DataNoise">Standard deviation of noise added to data.</param>
/// <param name="SampleFrom">Where generation begins.</param>
/// <param name="SampleSteps">Langevin steps of generation.</param>
/// <param name="Magnitude">Weight of E⁺² + E⁻², against a drift that contrasts cannot see.</param>
/// <param name="Kl">Weight of the energy at the chains' ends, as they follow from the weights by the last step; 0 is plain CD.</param>
/// <param name="Repel">Within that, weight of the log distance to the nearest of 100 chains in memory.</param>
/// <param name="Confinement">Width of the weak |x|²/2w² that keeps the normaliser finite.</param>
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
    Origin SampleFrom = Origin.Memory,
    int SampleSteps = 200,
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
            "has no density where slopes are cut or chains clamped, and kl is the derivative of an unadjusted step (write adjusted: false)"
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
        Require.That(Require.NonNegative(Kl), Kl == 0 || Cut is null, "differentiates the step, which a cut slope stops (leave cut out)");
    public double Repel { get; } = Require.NonNegative(Repel);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new ContrastiveDivergence(this, site);
}
