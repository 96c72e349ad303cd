using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// Anchored levels, our hybrid of a flow and of a classifier of noise levels. A flow g is trained by likelihood, then fixed. One network F in data space
/// tells apart the noise levels x_ℓ = signal_ℓ x₀ + noise_ℓ ξ, of which level 0 may be the data themselves and the top is N(0, I), and, as one more class, rows
/// of g. At the minimum of its cross entropy softmax(F + log share) = p(class | x), so that F_0 − F_top = log p/N and F_g − F_top = log g/N. The second ratio is
/// known: g has a density. A share α of the classifier's error there is taken off its first ratio,
/// <code>log p(x) = log N(x; 0, I) + F_0 − F_top + α (log g/N − F_g + F_top) − log Z,   Z = E_g[p/g]</code>
/// α = 1 is log g + F_0 − F_g, a flow with a correction, and α = 0 the classifier of levels alone. The likelihood, which is concave in α, decides between them.
/// Rows of g, which has the mass of p almost everywhere, normalise the density and give its effective sample size. The levels train features that all classes
/// share; an energy in the flow's latent space, without them, stayed at the flow in our trials.
/// Sources of its parts: level classifiers, as in <see cref="LevelClassifier"/>; a base corrected by an energy, as in <see cref="GeneralizedEbm"/>.
/// </summary>
public sealed class AnchoredLevels : Method, IWeighted, IOnBase, IChains
{
    readonly AnchoredLevelsSpec settings;
    readonly FlowNet @base,
        learner;
    readonly (Tensor Mean, Tensor Raw)[] averaged;
    readonly Tensor followed;
    readonly NoiseSchedule noise;
    readonly LevelNet energy;
    readonly Control control;
    readonly Energy normal;
    readonly int top;
    readonly double flowShare;
    readonly Tensor levelShares;

    public AnchoredLevels(AnchoredLevelsSpec settings, Site site)
        : base("anchored-levels", site.Shape)
    {
        this.settings = settings;
        noise = settings.Noise.Build(site);
        @base = settings.Base.Build(site.Rng.Stream("base"), site.Shape);
        learner = settings.Base.Build(site.Rng.Stream("base"), site.Shape);
        averaged = [.. @base.parameters().Zip(learner.parameters())];
        // Rows of the flow are a class after the levels, with the noise of level 0.
        var classes = new NoiseSchedule(
            cat([noise.Signal, noise.Signal.narrow(0, 0, 1)], 0),
            cat([noise.Noise, noise.Noise.narrow(0, 0, 1)], 0)
        );
        energy = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, classes);
        control = new Control(settings.Alpha, site.Device);
        top = noise.Levels - 1;
        normal = Energy.Gaussian(sd: 1, site.Shape.Size());
        // Level 0, the top and the flow have equal shares; among the levels, those of the two ends are what the flow leaves.
        flowShare = (1 - settings.Ends) / (noise.Levels + 1) + settings.Ends / 3;
        levelShares = noise.Shares(2 * settings.Ends / 3 / (1 - flowShare));
        // On the host, because training reads it at each step.
        followed = zeros(1, dtype: int64);
        register_buffer("followed", followed);
        Keep(("base", @base), ("learner", learner), ("energy", energy), ("control", control));
        Parts = new Dictionary<string, nn.Module>
        {
            ["base"] = learner,
            ["energy"] = energy,
            ["control"] = control,
        };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // The flow, by likelihood. The base is its average.
        if (data.Progress < settings.BaseShare)
        {
            var nll = -learner.LogDensity(data.Next()).mean();
            yield return new("base", nll, ("nll", nll));
            ExponentialAverage.Follow(averaged, settings.BaseAverage, followed.add_(1).item<long>());
            if (data.Progress < settings.BaseShare - settings.Overlap)
                yield break;
        }

        // Rows of the levels, then of the flow.
        var batch = data.Next();
        var n = batch.shape[0];
        var drawn = Math.Clamp((long)Math.Round(n * flowShare), 1, n - 1);
        var rest = (n - drawn) / (double)n;
        var level = Systematic.Draw(levelShares, n - drawn, rng);
        var (flow, logG) = Draw(drawn, rng);
        var risen = noise.Diffuse(batch.narrow(0, 0, n - drawn), level, rng);
        var rows = cat([risen, flow], 0);
        var @class = cat([level, flow.AllAt(noise.Levels)], 0);
        var logShare = cat([rest * levelShares, full([1], 1 - rest, dtype: float64, device: batch.device)], 0).log().to(batch.dtype);

        // −log p(class | x).
        var f = -energy.All(rows);
        var table = (f + logShare).log_softmax(1);
        var entropy = -table.gather(1, @class.unsqueeze(1)).squeeze(1);
        var loss = entropy.mean();
        Tensor? misfit = null;
        if (settings.Score > 0)
        {
            misfit = Misfit(batch.narrow(0, 0, n - drawn), risen, level);
            loss = loss + settings.Score * misfit.mean();
        }
        var known = f.detach();
        yield return new(
            "energy",
            loss,
            () =>
                [
                    ("cross-entropy", entropy.MeanByLevel(@class, noise.Levels + 1)),
                    ("right", (table.argmax(1) == @class).to(batch.dtype).mean()),
                    .. misfit is null ? [] : new[] { ("misfit", misfit.MeanByLevel(level, noise.Levels)) },
                ]
        );

        // α by likelihood, from a few rows of level 0, which come first, and of the flow. Z is their mean weight.
        if (!settings.Learn)
            yield break;
        var few = Math.Min(Math.Min(n / 8, drawn), (long)((n - drawn) * flowShare / (1 - flowShare)));
        if (few < 2)
            yield break;
        Tensor LogP(long from, Tensor g) => Log(known.narrow(0, from, few), rows.narrow(0, from, few), g);
        var logData = Known(rows.narrow(0, 0, few));
        var logFlow = logG.narrow(0, 0, few);
        var unlikelihood = Objectives.LogMeanExp(LogP(n - drawn, logFlow) - logFlow) - LogP(0, logData).mean();
        yield return new("control", unlikelihood, ("alpha", control.Alpha));
    }

    /// <summary>log p(x) + log Z from the classes' F, (B, classes), and log g, (B).</summary>
    Tensor Log(Tensor f, Tensor x, Tensor logG)
    {
        var logN = -normal.Of(x);
        return logN + f[.., 0] - f[.., top] + control.Alpha * (logG - logN - f[.., -1] + f[.., top]);
    }

    /// <summary>log g, without a graph: (B, …) → (B).</summary>
    Tensor Known(Tensor x)
    {
        using var free = no_grad();
        return @base.LogDensity(x);
    }

    /// <summary>
    /// Denoising score matching at the levels with noise, |noise ∇E_ℓ − ξ|²/d with E_ℓ = F_top − F_ℓ − log N(x; 0, I); zero at levels whose noise is below
    /// <see cref="AnchoredLevelsSpec.ScoreAbove"/>.
    /// </summary>
    Tensor Misfit(Tensor clean, Tensor risen, Tensor level)
    {
        var spread = noise.NoiseAt(level, clean);
        var matched = spread.gt(settings.ScoreAbove);
        var xi = (risen - noise.SignalAt(level, clean) * clean) / where(matched, spread, ones_like(spread));
        var relative = energy.At(level) + -1 * energy.At(risen.AllAt(top)) + Energy.Confinement(1);
        var off = (spread * relative.Score(risen) + xi) * matched.to(risen.dtype);
        return off.square().SumPerRow() / Shape.Size();
    }

    /// <summary>Rows of g and their log g: (count, …Shape) and (count).</summary>
    (Tensor Rows, Tensor LogDensity) Draw(long count, Rng rng)
    {
        using var free = no_grad();
        var z = rng.Normal(count, @base.Latent);
        var (x, logVolume) = @base.Push(z);
        return (x, -normal.Of(z) - logVolume);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    /// <summary>Rows of g, moved to p by a sampler in the flow's latent space, then by adjusted Langevin steps in data space.</summary>
    public Tensor Run(long count, int times, Rng rng)
    {
        using var free = no_grad();
        var tilt = Density + -1 * @base.Density;
        var z = settings.Sampler.Run(tilt.After(@base), rng.Normal(count, @base.Latent), times, rng);
        var x = @base.call(z);
        if (settings.SampleSteps == 0)
            return x;
        var step = full([1], settings.Step, dtype: x.dtype, device: x.device);
        return new Walk(Density, Temperature: 1, Adjusted: true).From(x, step, times * settings.SampleSteps, rng).X;
    }

    /// <summary>−log p(x) − log Z: level 0, whose noise may be zero.</summary>
    public Energy Density => new(x => Mixed().Of(x), tiled: x => Mixed().Tiled(x));

    // With α as it is when the density is asked, not when it was given out.
    Energy Mixed() =>
        energy.Only(0)
        + (control.Alpha - 1) * energy.Only(top)
        + -control.Alpha * energy.Only(top + 1)
        + (1 - control.Alpha) * normal
        + control.Alpha * @base.Density;

    public Energy Base => @base.Density;

    public (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng)
    {
        using var free = no_grad();
        var (rows, logG) = Draw(count, rng);
        return (rows, Log(-energy.All(rows), rows, logG) - logG);
    }

    /// <summary>α, the only weight of its part.</summary>
    sealed class Control : nn.Module
    {
        public Control(double alpha, Device device)
            : base(nameof(Control))
        {
            Alpha = new Modules.Parameter(full([1], alpha, device: device));
            register_parameter("alpha", Alpha);
        }

        public Modules.Parameter Alpha { get; }
    }
}

/// <summary>A classifier of noise levels and of the rows of a flow.</summary>
/// <param name="Base">g, a flow.</param>
/// <param name="Energy">−F, one number per level and one for the flow.</param>
/// <param name="Noise">The levels; its top level should be N(0, I).</param>
/// <param name="BaseShare">Share of training in which the flow is trained.</param>
/// <param name="Overlap">Share of training in which the classifier is trained already, beside the flow, before that is fixed.</param>
/// <param name="BaseAverage">Decay per step of the average of the flow that becomes the base.</param>
/// <param name="Ends">Share of the rows that level 0, the top and the flow have beyond equal shares for all classes.</param>
/// <param name="Alpha">α at first: the share of the classifier's error on log g that is taken off.</param>
/// <param name="Learn">α is trained by likelihood; false leaves it.</param>
/// <param name="Score">Weight of denoising score matching at the levels with noise.</param>
/// <param name="ScoreAbove">Levels with more noise than this are matched.</param>
/// <param name="Sampler">Draws z from the flow's latent space.</param>
/// <param name="SampleSteps">Adjusted Langevin steps in data space after the sampler.</param>
/// <param name="Step">Their ε, in squared units of the data.</param>
[Kind("anchored-levels")]
public sealed record AnchoredLevelsSpec(
    IGeneratorSpec<FlowNet> Base,
    ILevelEnergySpec Energy,
    ISpec<NoiseSchedule> Noise,
    double BaseShare = .4,
    double Overlap = 0,
    double BaseAverage = .998,
    double Ends = 0,
    double Alpha = .5,
    bool Learn = true,
    double Score = 0,
    double ScoreAbove = .1,
    [AfterTraining] ILatentSampler? Sampler = null,
    [AfterTraining] int SampleSteps = 0,
    [AfterTraining] double Step = .001
) : ISpec<Method>
{
    public double BaseShare { get; } = Require.Between(0, 1, BaseShare);
    public double Overlap { get; } = Require.Between(0, BaseShare, Overlap);
    public double BaseAverage { get; } = Require.Between(0, .999999, BaseAverage);
    public double Ends { get; } = Require.Between(0, .999, Ends);
    public double Alpha { get; } = Require.Finite(Alpha);
    public double Score { get; } = Require.NonNegative(Score);
    public double ScoreAbove { get; } = Require.NonNegative(ScoreAbove);
    public ILatentSampler Sampler { get; } = Sampler ?? new IndependentMetropolisSpec();
    public int SampleSteps { get; } = Require.Moves(SampleSteps, least: 0);
    public double Step { get; } = Require.Positive(Step);

    public Method Build(Site site) => new AnchoredLevels(this, site);
}
