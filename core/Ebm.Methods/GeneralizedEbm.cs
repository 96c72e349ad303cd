using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>The energy's lower bound on KL(data ‖ base): with the normaliser of each batch, or with a learned one.</summary>
public enum Bound { DonskerVaradhan, Fenchel }

/// <summary>How the base learns: by maximum likelihood before the energy, which needs a flow, or against the energy, in turns with it.</summary>
public enum BaseLearning { Likelihood, Kale }

/// <summary>
/// Generalized energy-based models: a base G, which says where rows can be, and an energy E, which says how likely they are there,
/// <code>Q(dx) = exp(−E(x) − A) G(dx),   A = log E_G[exp(−E)].</code>
/// The energy maximises the generalized log-likelihood −E_P[E] − A, a lower bound of KL(P ‖ G) that its best is equal to (Donsker and
/// Varadhan), or its Fenchel form −E_P[E + c] − E_G[exp(−E − c)] + 1 with a learned c, which is A at the best. The best value is KALE(P ‖ G); the
/// base descends it. Rows are G(z) with z from the posterior ν(z) ∝ N(z; 0, I) exp(−βE(G(z))), β = 1 but in the paper's code.
/// Source: Arbel, Zhou and Gretton, "Generalized energy based models" (2021), and its code for what the paper leaves open. A flow that learns by
/// likelihood first, and is then kept as its average, is our completion of the paper's flow bases.
/// </summary>
public sealed class GeneralizedEbm : Method, IChains
{
    readonly GeneralizedEbmSpec settings;
    readonly GeneratorNet @base;
    readonly FlowNet? learner;
    readonly Tilt tilt;

    public GeneralizedEbm(GeneralizedEbmSpec settings, Site site) : base("generalized-ebm", site.Shape)
    {
        this.settings = settings;
        @base = settings.Base.Build(site.Rng.Stream("base"), site.Shape);
        tilt = new Tilt(settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]), site.Device);
        register_module("base", @base);
        register_module("tilt", tilt);
        if (settings.BaseLearning == BaseLearning.Likelihood)
        {
            // The one that learns; the model's base follows it as its average.
            learner = (FlowNet)settings.Base.Build(site.Rng.Stream("base"), site.Shape);
            register_module("learner", learner);
        }
        Parts = new Dictionary<string, nn.Module> { ["base"] = learner ?? @base, ["energy"] = tilt };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // A flow learns first, by likelihood, and from then on stands still.
        if (learner is not null && data.Progress < settings.BaseShare)
        {
            var batch = data.Next();
            var nll = -learner.LogDensity(batch + settings.BaseNoise * rng.NormalLike(batch)).mean();
            yield return new("base", nll, ("nll", nll));
            Follow(learner);
            yield break;
        }

        // The energy: up KALE, with the base as it is.
        var rows = 0L;
        for (var i = 0; i < settings.EnergySteps; i++)
        {
            var batch = data.Next();
            rows = batch.shape[0];
            yield return EnergyUpdate(batch, rng);
        }
        if (learner is not null) yield break;

        // The base: down KALE, whose data term does not see it. It lowers the energy of its rows, those of low energy most.
        var drawn = tilt.Energy.Of(@base.call(rng.Normal(rows, @base.Latent)));
        yield return new("base", -LogMeanExp(-drawn));
    }

    Update EnergyUpdate(Tensor batch, Rng rng)
    {
        var drawn = Draw(batch.shape[0], rng);
        var (positive, negative) = (tilt.Energy.Of(batch), tilt.Energy.Of(drawn));
        var logZ = LogMeanExp(-negative);
        // The Fenchel form is taken in log space, its exponent cut at 30: early on exp(−E − c) is out of range of floats.
        var bound = settings.Bound == Bound.DonskerVaradhan
            ? -positive.mean() - logZ
            : 1 - positive.mean() - tilt.C - (logZ - tilt.C).clamp(max: 30).exp();
        var loss = -bound;
        if (settings.Penalty > 0) loss = loss + settings.Penalty * Steepness(batch, drawn, rng);
        return new("energy", loss,
            ("kale", bound),
            ("gap", Objectives.Contrast(positive, negative)),
            ("log-z", logZ));
    }

    /// <summary>Zero-centred: mean |∇E|² on the way from data to the base's rows.</summary>
    Tensor Steepness(Tensor batch, Tensor drawn, Rng rng)
    {
        var share = rng.UniformLike(batch.Flat()[.., 0]).PerRow(batch);
        return tilt.Energy.Score(share * batch + (1 - share) * drawn).square().SumPerRow().mean();
    }

    /// <summary>Rows of the base alone.</summary>
    Tensor Draw(long count, Rng rng)
    {
        using var free = no_grad();
        return @base.call(rng.Normal(count, @base.Latent));
    }

    /// <summary>The base follows the flow that learns as its exponential average.</summary>
    void Follow(FlowNet flow)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (mean, raw) in @base.parameters().Zip(flow.parameters())) mean.mul_(settings.BaseAverage).add_(raw, 1 - settings.BaseAverage);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        using var free = no_grad();
        var pushed = new Energy(z => settings.InverseTemperature * tilt.Energy.Of(@base.call(z)));
        return @base.call(settings.Sampler.Run(pushed, rng.Normal(count, @base.Latent), times, rng));
    }

    internal Energy Energy => tilt.Energy;
    internal GeneratorNet Base => @base;

    static Tensor LogMeanExp(Tensor x) => x.logsumexp(0) - Math.Log(x.shape[0]);

    /// <summary>E, and c of the Fenchel form, which learn together.</summary>
    sealed class Tilt : nn.Module
    {
        public Tilt(nn.Module<Tensor, Tensor> net, Device device) : base(nameof(Tilt))
        {
            C = new Modules.Parameter(zeros(1, device: device));
            Energy = Energy.Of(net);
            register_module("energy", net);
            register_parameter("c", C);
        }

        public Modules.Parameter C { get; }
        public Energy Energy { get; }
    }
}

/// <summary>
/// A generalized model whose base has a density has one itself: E(x) − log g(x), which the base's own rows, weighted by exp(−E), normalise.
/// A class of its own, because what has no density must not offer one: metrics ask what a method is, not what it would return.
/// </summary>
sealed class GeneralizedEbmOnFlow : Method, IWeighted, IChains
{
    readonly GeneralizedEbm model;
    readonly FlowNet flow;

    public GeneralizedEbmOnFlow(GeneralizedEbm model, FlowNet flow, Site site) : base("generalized-ebm", site.Shape)
    {
        (this.model, this.flow) = (model, flow);
        register_module("model", model);
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts => model.Parts;
    public override IEnumerable<Update> Iterate(Batches data, Rng rng) => model.Iterate(data, rng);
    public override Tensor Sample(long count, Rng rng) => model.Sample(count, rng);
    public Tensor Run(long count, int times, Rng rng) => model.Run(count, times, rng);

    public Energy Density => new(x => model.Energy.Of(x) - flow.LogDensity(x));

    public (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng)
    {
        using var free = no_grad();
        var rows = flow.call(rng.Normal(count, flow.Latent));
        return (rows, -model.Energy.Of(rows));
    }
}

/// <summary>A generalized energy-based model.</summary>
/// <param name="Base">Where rows can be; one with a density (a flow) gives the model a density.</param>
/// <param name="Energy">E, from a row to a number.</param>
/// <param name="BaseLearning">By likelihood, before the energy (a flow), or by KALE, in turns with it.</param>
/// <param name="BaseShare">Share of training in which a flow learns by likelihood.</param>
/// <param name="BaseNoise">Standard deviation of noise on the data from which a flow learns, in units of the data: a base must be broader than
/// the data, and an energy cannot fill a seam that it left empty.</param>
/// <param name="BaseAverage">Decay per step of the average that becomes the base.</param>
/// <param name="Bound">What the energy maximises.</param>
/// <param name="EnergySteps">Energy steps per step of training, before the base's one.</param>
/// <param name="Penalty">Weight of mean |∇E|² between data and base; KALE needs slopes that are bounded, to move the base.</param>
/// <param name="Sampler">Draws z of the posterior.</param>
/// <param name="InverseTemperature">β: 1 samples the model; more, a sharper one.</param>
[Kind("generalized-ebm")]
public sealed record GeneralizedEbmSpec(
    IGeneratorSpec<GeneratorNet> Base, INetSpec Energy,
    BaseLearning BaseLearning = BaseLearning.Likelihood, double BaseShare = .5, double BaseNoise = .1, double BaseAverage = .998,
    Bound Bound = Bound.DonskerVaradhan, int EnergySteps = 1, double Penalty = 0,
    ILatentSampler? Sampler = null, double InverseTemperature = 1) : ISpec<Method>
{
    public BaseLearning BaseLearning { get; } = Require.That(BaseLearning, BaseLearning == BaseLearning.Kale || Base is IGeneratorSpec<FlowNet>,
        "needs a density, and this base has none: take a flow, or base-learning: kale");
    public double BaseShare { get; } = Require.Between(0, 1, BaseShare);
    public double BaseNoise { get; } = Require.NonNegative(BaseNoise);
    public double BaseAverage { get; } = Require.Between(0, .999999, BaseAverage);
    public int EnergySteps { get; } = Require.AtLeast(1, EnergySteps);
    public double Penalty { get; } = Require.NonNegative(Penalty);
    public ILatentSampler Sampler { get; } = Sampler ?? new IndependentMetropolisSpec();
    public double InverseTemperature { get; } = Require.Positive(InverseTemperature);

    public Method Build(Site site)
    {
        var model = new GeneralizedEbm(this, site);
        return model.Base is FlowNet flow ? new GeneralizedEbmOnFlow(model, flow, site) : model;
    }
}
