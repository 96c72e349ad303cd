using Ebm.Core;

namespace Ebm.Methods;

/// <summary>Where generation begins: at the chains of training, where they stand, or at the noise that begins chains.</summary>
public enum Origin { Memory, Noise }

/// <summary>What fresh chains are drawn from: N(0, width²), or the cube [−width, width].</summary>
public enum Fresh { Gaussian, Uniform }

/// <summary>
/// Contrastive divergence: one energy E(x), p(x) = exp(−E(x)) / Z, trained by mean E(x⁺) − mean E(x⁻), whose gradient is that of the
/// likelihood where the negatives x⁻ are the model's own samples. Here they are where short Langevin chains end that began at data
/// (Hinton, "Training products of experts by minimizing contrastive divergence", 2002, eq. 5), at noise, or where the last ones ended:
/// persistent chains (Tieleman 2008), of which a few begin anew each time (Du and Mordatch 2019).
/// What image papers changed is settings, with presets: chains at a temperature far below 1, their slope cut, their rows kept in the
/// data's range. The adjusted chain, its adapted step and the penalty on |E|² in the defaults are our completion.
/// </summary>
public sealed class ContrastiveDivergence : Method, IDensity, IChains
{
    readonly ContrastiveDivergenceSpec settings;
    readonly nn.Module<Tensor, Tensor> energy;
    readonly StepSizes steps;
    readonly Memory chains;
    readonly Energy confinement;

    public ContrastiveDivergence(ContrastiveDivergenceSpec settings, Site site) : base("contrastive-divergence", site.Shape)
    {
        this.settings = settings;
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]);
        steps = new StepSizes(full([1], settings.Step, device: site.Device),
            settings.Acceptance, settings.Adjusted && settings.Adapt ? .1 : 0, settings.StepRange);
        chains = new Memory(Fresh(settings.Memory, site.Rng.Stream("chains")), zeros(settings.Memory, dtype: int64, device: site.Device));
        confinement = Energy.Confinement(settings.Confinement);
        register_module("energy", energy);
        register_module("steps", steps);
        register_module("chains", chains);
        Parts = new Dictionary<string, nn.Module> { ["energy"] = energy };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Positive phase: data.
        var batch = data.Next();

        // Negative phase: the chains from their start.
        var (begun, slots) = Begin(batch, rng);
        var (x, accepted) = Move(begun, settings.Steps, rng, learn: true);
        var kept = slots.shape[0];
        chains.Store(slots, x.narrow(0, batch.shape[0] - kept, kept), zeros_like(slots));

        var positive = Of(batch);
        var negative = Of(x);
        yield return new("energy", Objectives.Contrast(positive, negative) + settings.Magnitude * Objectives.Magnitude(positive, negative),
            ("gap", Objectives.Contrast(positive, negative)),
            ("magnitude", positive.abs().mean()),
            ("displacement", (x - begun).square().SumPerRow().mean().sqrt()),
            ("accepted", accepted.mean()),
            ("step", steps.All));
    }

    /// <summary>
    /// Rows where the chains begin, and the slots of memory to which the last rows go back: those that begin at data never do, or memory
    /// would hold nothing but chains that have hardly left the data.
    /// </summary>
    (Tensor X, Tensor Slots) Begin(Tensor batch, Rng rng)
    {
        var (fromData, fromNoise) = settings.Start switch
        {
            Start.Data => (1.0, 0.0),
            Start.Noise => (0.0, 1.0),
            Start.Persistent => (0.0, settings.FromNoise),
            Start.Hybrid => (settings.FromData, settings.FromNoise),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Start, "is not a start"),
        };
        var data = (long)Math.Round(fromData * batch.shape[0]);
        var (x, _, slots) = chains.Draw(batch.shape[0] - data, rng);
        var anew = rng.UniformLike(x.Flat()[.., 0]) * (1 - fromData) < fromNoise;
        return (cat([batch.narrow(0, 0, data), where(anew.PerRow(x), Fresh(x.shape[0], rng), x)]), slots);
    }

    /// <summary>Langevin on exp(−E/T).</summary>
    /// <returns>Where the chains end, and their mean acceptance, (B).</returns>
    (Tensor X, Tensor Accepted) Move(Tensor x, int count, Rng rng, bool learn = false)
    {
        var level = zeros(x.shape[0], dtype: int64, device: x.device);
        var proposal = new Langevin(steps.For(level), settings.Temperature);
        IKernel kernel = settings.Adjusted ? new Metropolis(proposal) : new Unadjusted(proposal);
        var accepted = zeros_like(x.Flat()[.., 0]);
        var moved = kernel.Run(Energy.Of(energy) + settings.Temperature * confinement, x, count, rng, (_, _, taken) => accepted.add_(taken));
        accepted = accepted / count;
        if (learn) steps.Learn(level, accepted);
        return (moved, accepted);
    }

    Tensor Fresh(long count, Rng rng) => settings.Width * settings.Fresh switch
    {
        Methods.Fresh.Gaussian => rng.Normal(Shape.Rows(count)),
        Methods.Fresh.Uniform => 2 * rng.Uniform(Shape.Rows(count)) - 1,
        _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Fresh, "is not a law of fresh chains"),
    };

    Tensor Of(Tensor x) => energy.call(x).squeeze(1);

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        var start = settings.SampleFrom == Origin.Noise ? Fresh(count, rng) : chains.Points[rng.Integers(settings.Memory, count)];
        return Move(start, times * settings.SampleSteps, rng).X;
    }

    /// <summary>−log p(x) + const = E(x)/T: the temperature of the negatives is the model's.</summary>
    public Energy Density => (1 / settings.Temperature) * Energy.Of(energy) + confinement;
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
/// <param name="Temperature">T: negatives are drawn from exp(−E/T), which then is the model. Image papers' drift a and noise b are ε = a, T = b²/2a.</param>
/// <param name="SampleFrom">Where generation begins.</param>
/// <param name="SampleSteps">Langevin steps of generation.</param>
/// <param name="Magnitude">Weight of E⁺² + E⁻², against a drift that contrasts cannot see.</param>
/// <param name="Confinement">Width of the weak |x|²/2w² that keeps the normaliser finite.</param>
[Kind("contrastive-divergence")]
public sealed record ContrastiveDivergenceSpec(
    INetSpec Energy, int Steps = 10, Start Start = Start.Persistent, double FromData = .3, double FromNoise = .05, int Memory = 10_000,
    Fresh Fresh = Fresh.Gaussian, double Width = 1.5, bool Adjusted = true, double Step = .01, double StepRange = 8, bool Adapt = true,
    double Acceptance = .6, double Temperature = 1, Origin SampleFrom = Origin.Memory, int SampleSteps = 200,
    double Magnitude = 1e-3, double Confinement = 10) : ISpec<Method>
{
    public int Steps { get; } = Require.AtLeast(1, Steps);
    public double FromData { get; } = Require.Between(0, 1, FromData);
    public double FromNoise { get; } = Require.Between(0, 1 - FromData, FromNoise);
    public int Memory { get; } = Require.AtLeast(1, Memory);
    public double Width { get; } = Require.Positive(Width);
    public double Step { get; } = Require.Positive(Step);
    public double StepRange { get; } = Require.AtLeast(1, StepRange);
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public double Temperature { get; } = Require.Positive(Temperature);
    public int SampleSteps { get; } = Require.AtLeast(1, SampleSteps);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new ContrastiveDivergence(this, site);
}
