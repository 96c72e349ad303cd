using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// Denoising score matching at several noise levels with an explicit energy: the least-squares denoiser of x = signal_ℓ x₀ + noise_ℓ ξ gives ∇ log
/// p_ℓ, so
///     Σ_ℓ noise_ℓ² E |s(x, ℓ) + ξ / noise_ℓ|² / Levels,   s(x, ℓ) = −∇ₓ E(x, ℓ),
/// has its minimum where s is the score of the level's density. Training runs no chain. It needs second derivatives instead, and compares the
/// energies of distant modes only at levels whose noise connects them.
/// Source: Vincent, "A connection between score matching and denoising autoencoders" (2011); levels, the weight noise² and annealed
/// Langevin from Song and Ermon, "Generative modeling by estimating gradients of the data distribution" (2019), who train a vector field s that
/// need not be a gradient; a gradient s, as in Saremi et al. (2018), gives a density. The accept test in sampling is our completion.
/// </summary>
public sealed class DenoisingScore : Method, ILadder, IChains
{
    readonly DenoisingScoreSpec settings;
    readonly NoiseSchedule noise;
    readonly LevelNet energy;
    readonly Energy confinement;

    public DenoisingScore(DenoisingScoreSpec settings, Site site)
        : base("denoising-score", site.Shape)
    {
        this.settings = settings;
        noise = settings.Noise.Build(site);
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, noise);
        confinement = Energy.Confinement(settings.Confinement);
        Keep(("energy", energy));
        Parts = new Dictionary<string, nn.Module> { ["energy"] = energy };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // Data with noise, each row at a uniform level.
        var batch = data.Next();
        var level = rng.Integers(noise.Levels, batch.shape[0]);
        var risen = noise.Diffuse(batch, level, rng);
        var spread = noise.NoiseAt(level, batch);
        var xi = (risen - noise.Signal[level].to(batch.dtype).PerRow(batch) * batch) / spread;

        // |noise s + ξ|²: one derivative for the score, a second one for the parameters.
        var misfit = (spread * At(level).Score(risen) + xi).square().SumPerRow();
        yield return new("energy", misfit.mean(), () => [("misfit", misfit.MeanByLevel(level, noise.Levels))]);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    /// <summary>Annealed Langevin: from N(0, noise² I) of the top level down the levels, with the same number of steps at each.</summary>
    public Tensor Run(long count, int times, Rng rng)
    {
        var x = Descent.Run(noise.Levels - 1, noise.Noise[-1] * rng.Normal(Shape.Rows(count)), Down(times, rng));
        return settings.Denoise ? noise.Clean(x, At(x.AllAt(0))) : x;
    }

    Func<int, Tensor, Tensor> Down(int times, Rng rng) =>
        (level, x) =>
        {
            var step = settings.Step * noise.Noise[level].square().unsqueeze(0);
            var walk = new Walk(At(x.AllAt(level)), Temperature: 1, settings.Adjusted);
            return walk.From(x, step, times * settings.SampleSteps, rng).X;
        };

    /// <summary>E(·, ℓ) with one level per row: (B) int64.</summary>
    Energy At(Tensor level) => energy.At(level) + confinement;

    /// <summary>−log p(x, ℓ = 0) + const: level 0 is the data with noise₀ added.</summary>
    public Energy Density => energy.Only(0) + confinement;
    public ILevelEnergy Levels => energy.Plus(confinement);
    public NoiseSchedule Noise => noise;

    /// <summary>N(0, noise² I) of the top level, where generation starts.</summary>
    public Energy Top => Energy.Gaussian(noise.Noise[-1].to(float64).item<double>(), Shape.Size());

    public IReadOnlyList<Tensor> Visit(long count, Rng rng) =>
        Descent.Visit(noise.Levels, noise.Levels - 1, noise.Noise[-1] * rng.Normal(Shape.Rows(count)), Down(1, rng));
}

/// <summary>Denoising score matching at several levels, on an explicit energy.</summary>
/// <param name="SampleSteps">Langevin steps per level in generation.</param>
/// <param name="Step">ε_ℓ = step · noise_ℓ².</param>
/// <param name="Adjusted">Metropolis-adjusted generation; false, as in the papers, is biased by the step size.</param>
/// <param name="Denoise">Replace generated rows by Tweedie's estimate of the clean row.</param>
/// <param name="Confinement">Width w of the weak |x|²/2w² that makes every level's normaliser finite.</param>
[Kind("denoising-score")]
public sealed record DenoisingScoreSpec(
    ILevelEnergySpec Energy,
    ISpec<NoiseSchedule> Noise,
    [AfterTraining] int SampleSteps = 20,
    [AfterTraining] double Step = .3,
    [AfterTraining] bool Adjusted = true,
    [AfterTraining] bool Denoise = false,
    double Confinement = 10
) : ISpec<Method>
{
    public ISpec<NoiseSchedule> Noise { get; } = IMayBeClean.Refuse(Noise, "score matching divides by the noise");
    public int SampleSteps { get; } = Require.Moves(SampleSteps);
    public double Step { get; } = Require.Positive(Step);
    public double Confinement { get; } = Require.Positive(Confinement);

    public Method Build(Site site) => new DenoisingScore(this, site);
}
