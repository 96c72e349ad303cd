using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>What generator and critic play for.</summary>
public enum Contest
{
    NonSaturating,
    Wasserstein,
}

/// <summary>
/// A generative adversarial network of the same two networks as a generalized energy-based model, for comparison: a generator G and a
/// critic that scores rows by −E. Non-saturating (Goodfellow et al. 2014), with σ(−E(x)) the critic's belief that a row is real,
/// <code>critic: E_P[softplus(E)] + E_G[softplus(−E)],   generator: E_G[softplus(E)]</code>
/// or Wasserstein (Arjovsky, Chintala and Bottou 2017), E_P[E] − E_G[E] and E_G[E]. Both with the zero-centred penalty on the critic's
/// slope (Mescheder, Geiger and Nowozin 2018). After training the critic is of no more use: there is no density, and rows are G(z) as drawn.
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
        // The critic: apart data and rows of the generator.
        Tensor batch;
        var steps = 0;
        do
        {
            batch = data.Next();
            yield return CriticUpdate(batch, rng);
        } while (++steps < settings.CriticSteps);

        // The generator: rows that the critic takes for data.
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
        return new("critic", loss, ("gap", Objectives.Contrast(positive, negative)));
    }

    public override Tensor Sample(long count, Rng rng)
    {
        using var free = no_grad();
        return generator.call(rng.Normal(count, generator.Latent));
    }
}

/// <summary>A generative adversarial network.</summary>
/// <param name="Generator">From latent noise to a row.</param>
/// <param name="Energy">The critic, from a row to a number: low on data.</param>
/// <param name="Contest">What they play for.</param>
/// <param name="CriticSteps">Critic steps per step of training, before the generator's one.</param>
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
