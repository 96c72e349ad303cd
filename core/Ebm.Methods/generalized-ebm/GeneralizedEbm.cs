using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>The energy's lower bound on KL(data ‖ base): with each batch's own normaliser, or with a learned one.</summary>
public enum Bound
{
    DonskerVaradhan,
    Fenchel,
}

/// <summary>How the base learns: by maximum likelihood before the energy (a flow), or by KALE, in turns with the energy.</summary>
public enum BaseLearning
{
    Likelihood,
    Kale,
}

/// <summary>
/// Generalized energy-based models: a base G, which says where rows can be, and an energy E, which says how likely they are there,
/// <code>Q(dx) = exp(−E(x) − A) G(dx),   A = log E_G[exp(−E)].</code>
/// The energy ascends the generalized log-likelihood −E_P[E] − A, whose best value is KL(P ‖ G) (Donsker and Varadhan), or its Fenchel form
/// −E_P[E + c] − E_G[exp(−E − c)] + 1 with a learned c, which is A at the best. The best value over a class of energies is KALE(P ‖ G),
/// and the base descends it. Rows are G(z), z from the posterior ν(z) ∝ N(z; 0, I) exp(−β E(G(z))), with β = 1.
/// Source: Arbel, Zhou and Gretton, "Generalized energy based models" (2021), and their code for what the paper leaves open. A flow that
/// learns by likelihood first, and then stands still as its own average, is our completion of the paper's flow bases.
/// </summary>
public sealed class GeneralizedEbm : Method, IChains
{
    readonly GeneralizedEbmSpec settings;
    readonly GeneratorNet @base;
    readonly FlowNet? learner;
    readonly Tensor followed;
    readonly Tilt tilt;

    public GeneralizedEbm(GeneralizedEbmSpec settings, Site site)
        : base("generalized-ebm", site.Shape)
    {
        this.settings = settings;
        @base = settings.Base.Build(site.Rng.Stream("base"), site.Shape);
        tilt = new Tilt(settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]), settings.EnergyFloor, site.Device);
        followed = zeros(1, dtype: int64, device: site.Device);
        register_module("base", @base);
        register_module("tilt", tilt);
        register_buffer("followed", followed);
        if (settings.BaseLearning == BaseLearning.Likelihood)
        {
            learner = (FlowNet)settings.Base.Build(site.Rng.Stream("base"), site.Shape);
            register_module("learner", learner);
        }
        Parts = new Dictionary<string, nn.Module> { ["base"] = learner ?? @base, ["energy"] = tilt };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // A flow learns first, by likelihood; the base follows it as its average, and stands still from then on.
        if (learner is not null && data.Progress < settings.BaseShare)
        {
            var rows = data.Next();
            var nll = -learner.LogDensity(rows + settings.BaseNoise * rng.NormalLike(rows)).mean();
            yield return new("base", nll, ("nll", nll));
            Follow(learner);
            yield break;
        }

        // The energy: up the bound, with the base as it is.
        Tensor batch;
        var steps = 0;
        do
        {
            batch = data.Next();
            yield return EnergyUpdate(batch, rng);
        } while (++steps < settings.EnergySteps);
        if (learner is not null)
            yield break;

        // The base: down KALE, whose data term does not see it. It lowers the energy of its rows, each by its weight softmax(−E).
        var drawn = @base.call(rng.Normal(batch.shape[0], @base.Latent));
        var logZ = Objectives.LogMeanExp(-tilt.Energy.Of(drawn));
        yield return new("base", -logZ, ("log-z", logZ));
    }

    Update EnergyUpdate(Tensor batch, Rng rng)
    {
        var drawn = Draw(batch.shape[0], rng);
        var (positive, negative) = (tilt.Energy.Of(batch), tilt.Energy.Of(drawn));
        var kale = settings.Bound switch
        {
            Bound.DonskerVaradhan => Objectives.DonskerVaradhan(positive, negative),
            Bound.Fenchel => -Objectives.NegativeKale(positive, negative, tilt.C),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Bound, "is not a bound"),
        };
        var loss = -kale;
        if (settings.Penalty > 0)
            loss = loss + settings.Penalty * Objectives.Steepness(tilt.Energy, batch, drawn, rng);
        return new(
            "energy",
            settings.PaperGradientTransform ? Transformed(loss) : loss,
            ("kale", kale),
            ("gap", Objectives.Contrast(positive, negative)),
            ("log-z", Objectives.LogMeanExp(-negative)),
            ("c", tilt.C)
        );
    }

    /// <summary>
    /// What the paper's code does to the energy's gradients before its optimizer sees them: 2g/(1 + g²) for each weight, which suppresses
    /// large ones rather than clipping them, g/(1 − g) for c, zero for what is not finite. A loss with those gradients and the same value.
    /// </summary>
    Tensor Transformed(Tensor loss)
    {
        Tensor[] weights = [.. tilt.parameters()];
        var linear = zeros_like(loss);
        foreach (var (weight, gradient) in weights.Zip(Gradients.Of(loss, weights)))
        {
            if (gradient is not { } g)
                continue;
            var transformed = ReferenceEquals(weight, tilt.C) ? g / (1 - g) : 2 * g / (1 + g.square());
            linear = linear + (transformed.nan_to_num(0, 0, 0).detach() * weight).sum();
        }
        return linear + (loss - linear).detach();
    }

    /// <summary>Rows of the base alone: (count, …Shape).</summary>
    internal Tensor Draw(long count, Rng rng)
    {
        using var free = no_grad();
        return @base.call(rng.Normal(count, @base.Latent));
    }

    /// <summary>The base as the exponential average of the flow that learns; early on it forgets faster, as averages in training do.</summary>
    void Follow(FlowNet flow)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var n = followed.add_(1).item<long>();
        var keep = Math.Min(settings.BaseAverage, (1.0 + n) / (10 + n));
        foreach (var (mean, raw) in @base.parameters().Zip(flow.parameters()))
            mean.mul_(keep).add_(raw, 1 - keep);
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        using var free = no_grad();
        var pulled = new Energy(z => settings.InverseTemperature * tilt.Energy.Of(@base.call(z)));
        return @base.call(settings.Sampler.Run(pulled, rng.Normal(count, @base.Latent), times, rng));
    }

    /// <summary>E, relative to the base.</summary>
    public Energy Energy => tilt.Energy;

    public GeneratorNet Base => @base;

    /// <summary>E and the Fenchel form's c, which learn together.</summary>
    sealed class Tilt : nn.Module
    {
        public Tilt(nn.Module<Tensor, Tensor> net, double? floor, Device device)
            : base(nameof(Tilt))
        {
            C = new Modules.Parameter(zeros(1, device: device));
            Energy = new Energy(x => floor is { } least ? (net.call(x).squeeze(1) - least).relu() + least : net.call(x).squeeze(1));
            register_module("energy", net);
            register_parameter("c", C);
        }

        public Modules.Parameter C { get; }
        public Energy Energy { get; }
    }
}

/// <summary>A generalized energy-based model.</summary>
/// <param name="Base">Where rows can be; one with a density (a flow) gives the model a density.</param>
/// <param name="Energy">E, from a row to a number.</param>
/// <param name="BaseLearning">By likelihood, before the energy (a flow), or by KALE, in turns with it.</param>
/// <param name="BaseShare">Share of training in which a flow learns by likelihood.</param>
/// <param name="BaseNoise">Standard deviation of noise on the rows a flow learns from: an energy cannot fill what the base left empty.</param>
/// <param name="BaseAverage">Decay per step of the average of a flow that becomes the base.</param>
/// <param name="Bound">What the energy ascends.</param>
/// <param name="EnergySteps">Energy steps per step of training, before the base's one.</param>
/// <param name="Penalty">Weight of mean |∇E|² between data and base: KALE moves a base well only by energies of bounded slope.</param>
/// <param name="EnergyFloor">The paper's code keeps E ≥ −10; null keeps no floor.</param>
/// <param name="PaperGradientTransform">The energy's gradients as the paper's code changes them.</param>
/// <param name="Sampler">Draws z of the posterior.</param>
/// <param name="InverseTemperature">β: 1 samples the model; the paper's code has 100, and calls it temperature.</param>
[Kind("generalized-ebm")]
public sealed record GeneralizedEbmSpec(
    IGeneratorSpec<GeneratorNet> Base,
    INetSpec Energy,
    BaseLearning BaseLearning = BaseLearning.Likelihood,
    double BaseShare = .5,
    double BaseNoise = 0,
    double BaseAverage = .998,
    Bound Bound = Bound.DonskerVaradhan,
    int EnergySteps = 1,
    double Penalty = 0,
    double? EnergyFloor = null,
    bool PaperGradientTransform = false,
    ILatentSampler? Sampler = null,
    double InverseTemperature = 1
) : ISpec<Method>
{
    public BaseLearning BaseLearning { get; } =
        Require.That(
            BaseLearning,
            BaseLearning == BaseLearning.Kale || Base is IGeneratorSpec<FlowNet>,
            "needs a base with a density: a flow; or write base-learning: kale"
        );
    public double BaseShare { get; } = Require.Between(0, 1, BaseShare);
    public double BaseNoise { get; } = Require.NonNegative(BaseNoise);
    public double BaseAverage { get; } = Require.Between(0, .999999, BaseAverage);
    public int EnergySteps { get; } = Require.Updates(EnergySteps);
    public double Penalty { get; } = Require.NonNegative(Penalty);
    public double? EnergyFloor { get; } = Require.Finite(EnergyFloor);
    public ILatentSampler Sampler { get; } = Sampler ?? new IndependentMetropolisSpec();
    public double InverseTemperature { get; } = Require.Positive(InverseTemperature);

    public Method Build(Site site)
    {
        var model = new GeneralizedEbm(this, site);
        return model.Base is FlowNet flow ? new GeneralizedEbmOnFlow(model, flow) : model;
    }
}
