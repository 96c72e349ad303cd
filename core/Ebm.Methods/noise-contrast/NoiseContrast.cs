using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// Noise-contrastive estimation: a classifier of data against rows of a known density n, here N(0, I), ν rows of noise for each row of data,
/// <code>loss = −E_data[log h(x)] − ν E_n[log(1 − h(x))],   h(x) = σ(f(x) − log ν)</code>
/// At its minimum f = log p/n, so that log p(x) = f(x) + log N(x; 0, I), which is normalised there. Training runs no chain. In few dimensions it is the
/// baseline that ladders have to beat; in many, data and noise are told apart without error, and the classifier learns nothing more.
/// Source: Gutmann and Hyvärinen, "Noise-contrastive estimation of unnormalized statistical models" (2012), eq. 4 to 6. The sampler is our completion.
/// </summary>
public sealed class NoiseContrast : Method, IWeighted, IChains
{
    readonly NoiseContrastSpec settings;
    readonly Energy tilt;

    public NoiseContrast(NoiseContrastSpec settings, Site site)
        : base("noise-contrast", site.Shape)
    {
        this.settings = settings;
        var net = settings.Energy.Build(site.Rng.Stream("energy"), site.Shape, [1]);
        tilt = Energy.Of(net);
        Keep(("energy", net));
        Parts = new Dictionary<string, nn.Module> { ["energy"] = net };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        var batch = data.Next();
        var n = batch.shape[0];
        var drawn = rng.Normal(Shape.Rows(settings.Ratio * n));

        // The logits of h, data first.
        var logits = -tilt.Of(cat([batch, drawn], 0)) - Math.Log(settings.Ratio);
        var (ofData, ofNoise) = (logits.narrow(0, 0, n), logits.narrow(0, n, settings.Ratio * n));
        var loss = nn.functional.softplus(-ofData).mean() + settings.Ratio * nn.functional.softplus(ofNoise).mean();
        yield return new(
            "energy",
            loss,
            () =>
                [
                    (
                        "right",
                        (ofData.gt(0).to(loss.dtype).mean() + settings.Ratio * ofNoise.lt(0).to(loss.dtype).mean()) / (1 + settings.Ratio)
                    ),
                ]
        );
    }

    public override Tensor Sample(long count, Rng rng) => Run(count, 1, rng);

    public Tensor Run(long count, int times, Rng rng)
    {
        using var free = no_grad();
        var shaped = new Energy(z => tilt.Of(z.reshape(Shape.Rows(z.shape[0]))));
        var rows = settings.Sampler.Run(shaped, rng.Normal(count, Shape.Size()), times, rng);
        return rows.reshape(Shape.Rows(count));
    }

    /// <summary>−log p(x) = −f(x) − log N(x; 0, I).</summary>
    public Energy Density => tilt + Energy.Gaussian(sd: 1, Shape.Size());

    public (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng)
    {
        using var free = no_grad();
        var rows = rng.Normal(Shape.Rows(count));
        return (rows, -tilt.Of(rows));
    }
}

/// <summary>Noise-contrastive estimation against N(0, I).</summary>
/// <param name="Energy">−f, a network from a row to one number.</param>
/// <param name="Ratio">ν, rows of noise for each row of data.</param>
/// <param name="Sampler">Draws rows from N(x; 0, I) exp(f(x)).</param>
[Kind("noise-contrast")]
public sealed record NoiseContrastSpec(INetSpec Energy, int Ratio = 1, [AfterTraining] ILatentSampler? Sampler = null) : ISpec<Method>
{
    public int Ratio { get; } = Require.Between(1, 1000, Ratio);
    public ILatentSampler Sampler { get; } = Sampler ?? new IndependentMetropolisSpec();

    public Method Build(Site site) => new NoiseContrast(this, site);
}
