using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>The energy's lower bound on KL(data ‖ base): with the normaliser of each batch, or with a learned one.</summary>
public enum Bound
{
    DonskerVaradhan,
    Fenchel,
}

/// <summary>How the base is trained: by maximum likelihood before the energy (a flow), or by KALE, alternating with the energy.</summary>
public enum BaseLearning
{
    Likelihood,
    Kale,
}

/// <summary>
/// Generalized energy-based models: a base G defines the support of the rows, and an energy E reweighs them,
/// <code>Q(dx) = exp(−E(x) − A) G(dx),   A = log E_G[exp(−E)].</code>
/// The energy maximises the generalized log-likelihood −E_P[E] − A, whose maximum is KL(P ‖ G) (Donsker and Varadhan), or its Fenchel form −E_P[E +
/// c] − E_G[exp(−E − c)] + 1 with a learned c, which equals A at the maximum. The maximum over a class of energies is KALE(P ‖ G), which the base
/// minimises. Rows are G(z) with z from the posterior ν(z) ∝ N(z; 0, I) exp(−β E(G(z))), β = 1.
/// Source: Arbel, Zhou and Gretton, "Generalized energy based models" (2021), and their code for what the paper does not specify. Training a flow
/// by likelihood first, and then using its average as the fixed base, is our completion of the paper's flow bases.
/// </summary>
public sealed class GeneralizedEbm : Method, IChains
{
    readonly GeneralizedEbmSpec settings;
    readonly GeneratorNet @base;
    readonly FlowNet? learner;
    readonly (Tensor Mean, Tensor Raw)[] averaged = [];
    readonly Tensor followed;
    readonly Tilt tilt;

    public GeneralizedEbm(GeneralizedEbmSpec settings, Site site)
        : base("generalized-ebm", site.Shape)
    {
        this.settings = settings;
        @base = settings.Base.Build(site.Rng.Stream("base"), site.Shape);
        tilt = new Tilt(settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]), settings.EnergyFloor, site.Device);
        // On the host, because training reads it at each step.
        followed = zeros(1, dtype: int64);
        register_module("base", @base);
        register_module("tilt", tilt);
        register_buffer("followed", followed);
        if (settings.BaseLearning == BaseLearning.Likelihood)
        {
            learner = (FlowNet)settings.Base.Build(site.Rng.Stream("base"), site.Shape);
            register_module("learner", learner);
            averaged = [.. @base.parameters().Zip(learner.parameters())];
        }
        Parts = new Dictionary<string, nn.Module> { ["base"] = learner ?? @base, ["energy"] = tilt };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // A flow is trained first, by likelihood. The base is its average, and stays fixed afterwards.
        if (learner is not null && data.Progress < settings.BaseShare)
        {
            var rows = data.Next();
            var nll = -learner.LogDensity(rows + settings.BaseNoise * rng.NormalLike(rows)).mean();
            yield return new("base", nll, ("nll", nll));
            ExponentialAverage.Follow(averaged, settings.BaseAverage, followed.add_(1).item<long>());
            yield break;
        }

        // The energy maximises the bound with the base held fixed; norms over a batch use their averages, as in the paper's code.
        @base.eval();
        Tensor batch;
        var steps = 0;
        do
        {
            batch = data.Next();
            yield return EnergyUpdate(batch, rng);
        } while (++steps < settings.EnergySteps);
        if (learner is not null)
            yield break;

        // The base minimises KALE; the data term does not depend on it. It lowers the energy of its rows, weighted by softmax(−E).
        @base.train(training);
        tilt.eval();
        var drawn = @base.call(rng.Normal(batch.shape[0], @base.Latent));
        var logZ = Objectives.LogMeanExp(-tilt.Energy.Of(drawn));
        yield return new("base", -logZ, ("log-z", logZ));
        tilt.train(training);
    }

    Update EnergyUpdate(Tensor batch, Rng rng)
    {
        var drawn = Draw(batch.shape[0], rng);
        var (positive, negative) = (tilt.Energy.Of(batch), tilt.Energy.Of(drawn));
        var kale = settings.Bound switch
        {
            Bound.DonskerVaradhan => Objectives.DonskerVaradhan(positive, negative),
            Bound.Fenchel => -Objectives.NegativeKale(positive, negative, tilt.C),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Bound, "not a valid bound"),
        };
        var loss = -kale;
        if (settings.Penalty > 0)
            loss = loss + settings.Penalty * Objectives.Steepness(tilt.Energy, batch, drawn, rng);
        return new(
            "energy",
            settings.PaperGradientTransform ? Transformed(loss) : loss,
            () =>
                [
                    ("kale", kale),
                    ("gap", Objectives.Contrast(positive, negative)),
                    ("log-z", Objectives.LogMeanExp(-negative)),
                    ("c", tilt.C),
                ]
        );
    }

    /// <summary>
    /// The paper's code transforms the energy's gradients before the optimizer: 2g/(1 + g²) for each weight, which reduces large gradients instead
    /// of clipping them, g/(1 − g) for c, and zero for values that are not finite. Returns a loss with those gradients and the same value.
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

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        using var free = no_grad();
        var start = rng.Normal(count, @base.Latent);
        var pulled = full([1], settings.InverseTemperature, dtype: start.dtype, device: start.device) * tilt.Energy.After(@base);
        return @base.call(settings.Sampler.Run(pulled, start, times, rng));
    }

    /// <summary>E, relative to the base.</summary>
    public Energy Energy => tilt.Energy;

    public GeneratorNet Base => @base;

    /// <summary>E and the c of the Fenchel form, which are trained together.</summary>
    sealed class Tilt : nn.Module
    {
        public Tilt(nn.Module<Tensor, Tensor> net, double? floor, Device device)
            : base(nameof(Tilt))
        {
            C = new Modules.Parameter(zeros(1, device: device));
            Energy = floor is { } least ? Energy.Of(net).Above(least) : Energy.Of(net);
            register_module("energy", net);
            register_parameter("c", C);
        }

        public Modules.Parameter C { get; }
        public Energy Energy { get; }
    }
}

/// <summary>A generalized energy-based model.</summary>
/// <param name="Base">The generator; with a density (a flow), the model has a density too.</param>
/// <param name="Energy">E, a network from a row to one number.</param>
/// <param name="BaseLearning">By likelihood before the energy (a flow), or by KALE, alternating with it.</param>
/// <param name="BaseShare">Share of training in which a flow is trained by likelihood.</param>
/// <param name="BaseNoise">Standard deviation of noise added to the rows that train a flow: an energy cannot add mass where the base has
/// none.</param>
/// <param name="BaseAverage">Decay per step of the average of the flow that becomes the base.</param>
/// <param name="Bound">The objective of the energy.</param>
/// <param name="EnergySteps">Energy updates per step of training, before one of the base.</param>
/// <param name="Penalty">Weight of mean |∇E|² between data and base: KALE trains a base well only if the slope of the energy is bounded.</param>
/// <param name="EnergyFloor">Lower bound of E, −10 in the paper's code; null: none.</param>
/// <param name="PaperGradientTransform">Transform the energy's gradients as the paper's code does.</param>
/// <param name="Sampler">Draws z from the posterior.</param>
/// <param name="InverseTemperature">β: 1 samples the model; the paper's code uses 100 and calls it temperature.</param>
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
    [AfterTraining] ILatentSampler? Sampler = null,
    [AfterTraining] double InverseTemperature = 1
) : ISpec<Method>
{
    public BaseLearning BaseLearning { get; } =
        Require.That(
            BaseLearning,
            BaseLearning == BaseLearning.Kale || Base is IGeneratorSpec<FlowNet>,
            "needs a base with a density (a flow), or set base-learning: kale"
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
