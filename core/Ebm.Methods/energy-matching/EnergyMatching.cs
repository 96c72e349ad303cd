using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// Energy matching: one scalar V(x), independent of time. Far from the data, −∇V transports noise along straight lines to the data, by flow
/// matching between pairs joined by optimal transport,
///     E |−∇V(x_t) − (x₁ − x₀)|²,   x_t = (1 − t) x₀ + t x₁ + σ ξ,
/// Near the data, V becomes the energy of p(x) = exp(−V(x)/ε) / Z by contrastive divergence; half of the chains start from data and half from noise
/// that the flow has transported. The first phase runs no chain. In the second, the weight of the flow's loss decreases from t = τ on, because the
/// energy must not act as a transport near the data.
/// Source: Balcerak et al., "Energy matching: unifying flow matching and energy-based models for generative modeling" (2025), and their code's
/// two-dimensional example (τ = .8, ε = .15, σ = .1, contrast weight 2, 20,000 and 2,000 updates). Their chains take 200 steps of .01, with a
/// temperature that rises from 0 at τ. In our completion the flow ends at t = 1, and fewer, adjusted steps at temperature ε follow. In the plane,
/// noise and data overlap, and the two losses conflict there: the contrast has a larger weight than theirs, and both density and flow are
/// compromises. On images, the second phase of their code is: adjusted: false, data-follow-flow: true, trim: .1, contrast-floor (their clamp) and box: 1.
/// </summary>
public sealed class EnergyMatching : Method, IDensity, IChains
{
    readonly EnergyMatchingSpec settings;
    readonly nn.Module<Tensor, Tensor> potential;
    readonly StepSizes steps;
    readonly Energy energy;

    public EnergyMatching(EnergyMatchingSpec settings, Site site)
        : base("energy-matching", site.Shape)
    {
        this.settings = settings;
        potential = settings.Potential.Build(site.Rng.Stream("potential"), site.Shape, [1]);
        steps = new StepSizes(full([1], settings.Step, device: site.Device), settings.Acceptance, settings.Adjusted ? .1 : 0);
        // |x|²/2w² confines the energy V/ε; in units of V it is multiplied by ε.
        energy = Energy.Of(potential) + settings.Temperature * Energy.Confinement(settings.Confinement);
        Keep(("potential", potential), ("steps", steps));
        Parts = new Dictionary<string, nn.Module> { ["potential"] = potential };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Flow matching: pairs of noise and data, and a point on the line between them.
        var batch = data.Next();
        var origin = rng.NormalLike(batch);
        origin = origin.index_select(0, Transport.Pairing(origin, batch));
        var t = rng.UniformLike(batch.Flat()[.., 0]);
        var between = (1 - t).PerRow(batch) * origin + t.PerRow(batch) * batch + settings.Spread * rng.NormalLike(batch);
        var misfit = (energy.Score(between) - (batch - origin)).square().SumPerRow();
        if (data.Progress < settings.Matching)
        {
            yield return new("potential", misfit.mean(), () => [("misfit", misfit.mean())]);
            yield break;
        }

        // Contrastive divergence: chains from data, and from noise at the end of the flow.
        var half = batch.shape[0] / 2;
        var (rows, noise) = (batch.narrow(0, 0, half), rng.NormalLike(batch.narrow(0, half, batch.shape[0] - half)));
        var begun = settings.DataFollowFlow ? Carry(cat([rows, noise]), rng) : cat([rows, Carry(noise, rng)]);
        var walked = Relax(begun, settings.Steps, rng, learn: true);
        var (positive, negative) = (energy.Of(batch), energy.Of(Boxed(walked.X)));
        var contrast = settings.Contrast * Objectives.Contrast(positive, Objectives.Trimmed(negative, settings.Trim));
        if (settings.ContrastFloor is { } floor)
            contrast = contrast.clamp(min: floor);

        // The flow's loss has weight 1 up to τ, then decreases to 0 at the data.
        var fading = settings.Tau == 1 ? ones_like(t) : ((1 - t) / (1 - settings.Tau)).clamp(max: 1);
        var loss = (fading * misfit).mean() + contrast;
        if (settings.Magnitude > 0)
            loss = loss + settings.Magnitude * Objectives.Magnitude(positive, negative);
        yield return new(
            "potential",
            loss,
            () =>
                [
                    ("misfit", misfit.mean()),
                    ("gap", Objectives.Contrast(positive, negative) / settings.Temperature),
                    .. walked.Watched(steps, begun),
                ]
        )
        {
            Chains = negative,
        };
    }

    /// <summary>The flow from t = 0 to 1 by Euler steps along −∇V, which are Langevin steps at temperature 0.</summary>
    Tensor Carry(Tensor noise, Rng rng)
    {
        var step = full([1], 1.0 / settings.FlowSteps, device: noise.device);
        return new Walk(energy, Temperature: 0, Adjusted: false).From(noise, step, settings.FlowSteps, rng).X;
    }

    /// <summary>Langevin on exp(−V/ε).</summary>
    Walked Relax(Tensor x, int count, Rng rng, bool learn = false) =>
        new Walk(energy, settings.Temperature, settings.Adjusted).From(x, x.AllAt(0), steps, count, rng, learn);

    Tensor Boxed(Tensor x) => settings.Box is { } box ? x.clamp(-box, box) : x;

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng) =>
        Boxed(Relax(Carry(rng.Normal(Shape.Rows(count)), rng), times * settings.SampleSteps, rng).X);

    /// <summary>−log p(x) + const = V(x)/ε.</summary>
    public Energy Density => 1 / settings.Temperature * energy;
}

/// <summary>Energy matching: a flow towards the data and an energy near it, in one scalar function.</summary>
/// <param name="Potential">V, a network from a row to one number.</param>
/// <param name="Matching">Share of training with flow matching only.</param>
/// <param name="Spread">σ of the noise added to the lines from noise to data.</param>
/// <param name="Tau">τ: the time from which the weight of the flow's loss decreases in the second phase; 1: it does not.</param>
/// <param name="Temperature">ε: the model is exp(−V/ε).</param>
/// <param name="Contrast">Weight of the contrast V⁺ − V⁻ against the flow's loss.</param>
/// <param name="ContrastFloor">The weighted contrast has no gradient where it is lower, because energies then separate negatives too well; null: none.</param>
/// <param name="Trim">Share of the negatives left out of the contrast: those with the highest energies.</param>
/// <param name="DataFollowFlow">Chains from data follow the flow first, as those from noise do.</param>
/// <param name="FlowSteps">Euler steps of the flow from noise to data.</param>
/// <param name="Steps">Langevin steps of the negatives after the flow.</param>
/// <param name="Adjusted">Metropolis-adjusted moves with adapted step sizes; false, as in the code: faster, but biased by the step size.</param>
/// <param name="Step">Initial Langevin step size on V, the paper's Δt.</param>
/// <param name="Acceptance">Target acceptance of the adaptation.</param>
/// <param name="SampleSteps">Langevin steps in generation, after the flow.</param>
/// <param name="Box">Half the width of the cube around 0 to which the ends of chains are clamped; null: none.</param>
/// <param name="Magnitude">Weight of V⁺² + V⁻², which penalises a common drift of all energies.</param>
/// <param name="Confinement">Width w of the weak |x|²/2w² that makes the normaliser finite.</param>
[Kind("energy-matching")]
public sealed record EnergyMatchingSpec(
    INetSpec Potential,
    double Matching = .2,
    double Spread = .1,
    double Tau = .8,
    double Temperature = .15,
    double Contrast = 10,
    [OldRunsHad(null)] double? ContrastFloor = null,
    [OldRunsHad(0.0)] double Trim = 0,
    [OldRunsHad(false)] bool DataFollowFlow = false,
    int FlowSteps = 5,
    int Steps = 5,
    [OldRunsHad(true)] bool Adjusted = true,
    double Step = .02,
    double Acceptance = .6,
    [AfterTraining] int SampleSteps = 100,
    [OldRunsHad(null)] double? Box = null,
    double Magnitude = 0,
    double Confinement = 10
) : ISpec<Method>
{
    public double Matching { get; } = Require.Between(0, 1, Matching);
    public double Spread { get; } = Require.NonNegative(Spread);
    public double Tau { get; } = Require.Between(0, 1, Tau);
    public double Temperature { get; } = Require.Positive(Temperature);
    public double Contrast { get; } = Require.NonNegative(Contrast);
    public double? ContrastFloor { get; } =
        Require.That(
            Require.Finite(ContrastFloor),
            ContrastFloor is null or < 0,
            "must be negative, because a perfect fit has a contrast of 0",
            nameof(ContrastFloor)
        );
    public double Trim { get; } = Require.Between(0, .9, Trim);
    public int FlowSteps { get; } = Require.Moves(FlowSteps);
    public int Steps { get; } = Require.Moves(Steps);
    public double Step { get; } = Require.Positive(Step);
    public double Acceptance { get; } = Require.Between(.01, .99, Acceptance);
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public double? Box { get; } = Require.Positive(Box);
    public double Magnitude { get; } = Require.NonNegative(Magnitude);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new EnergyMatching(this, site);
}
