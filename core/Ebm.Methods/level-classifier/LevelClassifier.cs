using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// A classifier of the noise level alone: a network F predicts ℓ from x_ℓ = signal_ℓ x₀ + noise_ℓ ξ, trained by cross entropy. Each level has a fixed share of
/// the rows. At the optimum softmax_ℓ(F(x) + log share_ℓ) = p(ℓ | x), so ratios of levels are ratios of densities, and if the top is N(0, I)
///     log p(x, ℓ) = F_ℓ(x) − F_top(x) + log N(x; 0, I):
/// a density without chains or a normaliser. It is joint time-sample contrastive divergence without negatives: −F_{ℓ⁺}(x⁺) + log Σ_ℓ exp F_ℓ(x⁻) is
/// cross entropy plus log Σ_ℓ exp F_ℓ(x⁻) − log Σ_ℓ exp F_ℓ(x⁺), and this method shows what that difference contributes. The classifier is certain
/// between distant levels and learns nothing more there, and the errors of all rungs add up.
/// Source: telescoping density ratios (Rhodes, Xu and Gutmann 2020) with one classifier, as in the cross entropy of Yadin, Elata and Michaeli,
/// "Classification diffusion models" (2024), who add a term on the score; resampling down the levels and
/// annealed adjusted Langevin on the ratios are our completion.
/// </summary>
public sealed class LevelClassifier : Method, IDensity, IDensityReadout, IChains
{
    readonly LevelClassifierSpec settings;
    readonly NoiseSchedule noise;
    readonly LevelNet energy;
    readonly Tensor steps,
        shares,
        logShares;
    readonly Ratios ratios;

    public LevelClassifier(LevelClassifierSpec settings, Site site)
        : base("level-classifier", site.Shape)
    {
        this.settings = settings;
        noise = settings.Noise.Build(site);
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, noise);
        ratios = new Ratios(energy, site.Shape.Size());
        steps = settings.Step * (noise.Noise.square() + settings.StepFloor * settings.StepFloor);
        shares = noise.Shares(settings.Ends);
        logShares = shares.log().to(noise.Noise.dtype);
        Keep(("energy", energy));
        Parts = new Dictionary<string, nn.Module> { ["energy"] = energy };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Data with noise: joint-cd's positive phase, without a negative phase.
        var batch = data.Next();
        var level = Systematic.Draw(shares, batch.shape[0], rng);
        var risen = noise.Diffuse(batch, level, rng);

        // −log p(ℓ | x) of all levels in one pass.
        var table = (logShares - energy.All(risen)).log_softmax(1);
        var entropy = -table.gather(1, level.unsqueeze(1)).squeeze(1);
        yield return new(
            "energy",
            entropy.mean(),
            () =>
                [("cross-entropy", entropy.MeanByLevel(level, noise.Levels)), ("right", (table.argmax(1) == level).to(batch.dtype).mean())]
        );
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    /// <summary>From N(0, I) down the levels: rows resampled by the ratio to the level above, then the same number of steps at each.</summary>
    public Tensor Run(long count, int times, Rng rng) =>
        Descent.Run(noise.Levels - 1, rng.Normal(Shape.Rows(count)), Down(times, rng, settings.Resample));

    Func<int, Tensor, Tensor> Down(int times, Rng rng, bool resample) =>
        (at, x) =>
        {
            var level = x.AllAt(at);
            if (resample && at < noise.Levels - 1)
                x = Systematic.Resample(x, Above(x, at), rng);
            // The ratio as a sum of energies, each with a closed-form slope if it has one.
            var ratio = energy.At(level) + -1 * energy.At(x.AllAt(noise.Levels - 1)) + Energy.Confinement(1);
            return new Walk(ratio, Temperature: 1, Adjusted: true).From(x, steps[level], times * settings.SampleSteps, rng).X;
        };

    /// <summary>F_ℓ(x) − F_{ℓ+1}(x).</summary>
    Tensor Above(Tensor x, int level)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var all = energy.All(x);
        return (all[.., level + 1] - all[.., level]).MoveToOuterDisposeScope();
    }

    /// <summary>−log p(x, ℓ = 0): level 0 is the data with noise₀ added.</summary>
    public Energy Density => new(x => -Readout(x));

    public ILevelEnergy Levels => ratios;
    public NoiseSchedule Noise => noise;

    /// <summary>log p(x) = F_0(x) − F_top(x) + log N(x; 0, I).</summary>
    public Tensor Readout(Tensor x) => -ratios.All(x)[.., 0];

    /// <summary>N(0, I), the ratio at the top level.</summary>
    public Energy Top => ratios.Only(noise.Levels - 1);

    /// <summary>Without resampling, so that the rows of a level are independent.</summary>
    public IReadOnlyList<Tensor> Visit(long count, Rng rng) =>
        Descent.Visit(noise.Levels, noise.Levels - 1, rng.Normal(Shape.Rows(count)), Down(1, rng, resample: false));

    /// <summary>
    /// −log p(x, ℓ) = F_top(x) − F_ℓ(x) − log N(x; 0, I). Softmax determines F up to a function of x, which cancels in the difference.
    /// </summary>
    sealed class Ratios(LevelNet energy, long size) : ILevelEnergy
    {
        public int Levels => energy.Levels;

        public Tensor All(Tensor x)
        {
            var all = energy.All(x);
            return all - all[.., -1].unsqueeze(1) + (x.square().SumPerRow() / 2 + size * Math.Log(2 * Math.PI) / 2).unsqueeze(1);
        }

        public Tensor At(Tensor x, Tensor level) => All(x).gather(1, level.unsqueeze(1)).squeeze(1);
    }
}

/// <summary>A classifier of the noise level alone, whose ratios are a density.</summary>
/// <param name="Energy">−F, one number per level; the same network as joint-cd's, for comparison.</param>
/// <param name="Noise">Its top level should be N(0, I).</param>
/// <param name="Ends">Share of the rows that the lowest and the top level have beyond equal shares for all levels.</param>
/// <param name="SampleSteps">Langevin steps per level in generation.</param>
/// <param name="Step">ε_ℓ = step · (noise_ℓ² + step-floor²).</param>
/// <param name="StepFloor">Keeps step sizes of the lowest levels from vanishing with their noise, in units of the data.</param>
/// <param name="Resample">Resample rows by the ratio of their level to the one above before the steps; chains alone keep the modes' shares of the
/// level above. Rows then depend on each other, and on the number of ranks that draw them.</param>
[Kind("level-classifier")]
public sealed record LevelClassifierSpec(
    ILevelEnergySpec Energy,
    ISpec<NoiseSchedule> Noise,
    [OldRunsHad(0.0)] double Ends = 0,
    [AfterTraining] int SampleSteps = 20,
    [AfterTraining] double Step = .15,
    [AfterTraining] double StepFloor = .1,
    [OldRunsHad(false), AfterTraining] bool Resample = false
) : ISpec<Method>
{
    public double Ends { get; } = Require.Between(0, .999, Ends);
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public double Step { get; } = Require.Positive(Step);
    public double StepFloor { get; } = Require.NonNegative(StepFloor);

    public Method Build(Site site) => new LevelClassifier(this, site);
}
