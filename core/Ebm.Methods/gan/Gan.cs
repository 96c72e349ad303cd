using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>The loss of generator and critic.</summary>
public enum Contest
{
    NonSaturating,
    Wasserstein,
}

/// <summary>
/// A generative adversarial network with the two networks of a generalized energy-based model, for comparison: a generator G and a critic with
/// score −E. Non-saturating (Goodfellow et al. 2014), where σ(−E(x)) is the critic's probability that a row is real,
/// <code>critic: E_P[softplus(E)] + E_G[softplus(−E)],   generator: E_G[softplus(E)]</code>
/// or Wasserstein (Arjovsky, Chintala and Bottou 2017), E_P[E] − E_G[E] and E_G[E]. Both have the zero-centred penalty on the critic's slope
/// (Mescheder, Geiger and Nowozin 2018). The critic is not used after training: there is no density, and rows are G(z).
/// </summary>
public sealed class Gan : Method
{
    readonly GanSpec settings;
    readonly GeneratorNet generator;
    readonly nn.Module<Tensor, Tensor> critic;
    readonly Energy energy;

    public Gan(GanSpec settings, Site site)
        : base("gan", site.Shape)
    {
        this.settings = settings;
        generator = settings.Generator.Build(site.Rng.Stream("base"), site.Shape);
        critic = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]);
        energy = new Energy(x => critic.call(x).squeeze(1));
        Keep(("generator", generator), ("critic", critic));
        Parts = new Dictionary<string, nn.Module> { ["generator"] = generator, ["critic"] = critic };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        // The critic separates data from generated rows.
        Tensor batch;
        var steps = 0;
        do
        {
            batch = data.Next();
            yield return CriticUpdate(batch, rng);
        } while (++steps < settings.CriticSteps);

        // The generator makes rows that the critic scores as data.
        var drawn = energy.Of(generator.call(rng.Normal(batch.shape[0], generator.Latent)));
        yield return new("generator", settings.Contest == Contest.NonSaturating ? nn.functional.softplus(drawn).mean() : drawn.mean());
    }

    Update CriticUpdate(Tensor batch, Rng rng)
    {
        var drawn = Sample(batch.shape[0], rng);
        var (positive, negative) = (energy.Of(batch), energy.Of(drawn));
        var loss =
            settings.Contest == Contest.NonSaturating
                ? nn.functional.softplus(positive).mean() + nn.functional.softplus(-negative).mean()
                : Objectives.Contrast(positive, negative);
        if (settings.Penalty > 0)
            loss = loss + settings.Penalty * Objectives.Steepness(energy, batch, drawn, rng);
        return new("critic", loss, () => [("gap", Objectives.Contrast(positive, negative))]);
    }

    public override Tensor Sample(long count, Rng rng)
    {
        using var free = no_grad();
        return generator.call(rng.Normal(count, generator.Latent));
    }
}

/// <summary>A generative adversarial network.</summary>
/// <param name="Generator">From latent noise to a row.</param>
/// <param name="Energy">The critic, a network from a row to one number: low on data.</param>
/// <param name="Contest">The loss of generator and critic.</param>
/// <param name="CriticSteps">Critic updates per step of training, before one of the generator.</param>
/// <param name="Penalty">Weight of mean |∇E|² between data and generated rows.</param>
[Kind("gan")]
public sealed record GanSpec(
    IGeneratorSpec<GeneratorNet> Generator,
    INetSpec Energy,
    Contest Contest = Contest.NonSaturating,
    int CriticSteps = 3,
    double Penalty = .05
) : ISpec<Method>
{
    public int CriticSteps { get; } = Require.Updates(CriticSteps);
    public double Penalty { get; } = Require.NonNegative(Penalty);

    public Method Build(Site site) => new Gan(this, site);
}
