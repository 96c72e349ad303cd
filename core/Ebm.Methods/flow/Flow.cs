using Ebm.Core;
using Ebm.Records;

namespace Ebm.Methods;

/// <summary>
/// A normalising flow trained by maximum likelihood: x = G(z) with z ~ N(0, I) and G invertible, so that
/// <code>log g(x) = log N(G⁻¹(x); 0, I) + log |det ∂G⁻¹/∂x|,   loss = −E_data[log g(x)]</code>
/// Density and samples are exact, without chains or normalisers: a baseline for energy-based models, and the base of a generalized one. Sources:
/// Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP" (2017); Durkan, Bekasov, Murray and Papamakarios, "Neural spline flows"
/// (2019).
/// </summary>
public sealed class Flow : Method, IWeighted
{
    readonly FlowSpec settings;
    readonly FlowNet flow;

    public Flow(FlowSpec settings, Site site)
        : base("flow", site.Shape)
    {
        this.settings = settings;
        flow = settings.Net.Build(site.Rng.Stream("flow"), site.Shape);
        Keep(("flow", flow));
        Parts = new Dictionary<string, nn.Module> { ["flow"] = flow };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        var batch = data.Next();
        if (settings.Noise > 0)
            batch = batch + settings.Noise * rng.NormalLike(batch);
        var nll = -flow.LogDensity(batch).mean();
        yield return new("flow", nll, ("nll", nll));
    }

    public override Tensor Sample(long count, Rng rng)
    {
        using var free = no_grad();
        return flow.call(rng.Normal(count, flow.Latent));
    }

    /// <summary>−log g(x), normalised.</summary>
    public Energy Density => flow.Density;

    /// <summary>Rows of the flow with log weights 0, because its density is normalised.</summary>
    public (Tensor Rows, Tensor LogWeights) Weigh(long count, Rng rng)
    {
        var rows = Sample(count, rng);
        return (rows, zeros([count], dtype: rows.dtype, device: rows.device));
    }
}

/// <summary>A normalising flow trained by maximum likelihood.</summary>
/// <param name="Net">The flow.</param>
/// <param name="Noise">Standard deviation of noise added to the data, which keeps the density from forming narrow spikes.</param>
[Kind("flow")]
public sealed record FlowSpec(IGeneratorSpec<FlowNet> Net, double Noise = 0) : ISpec<Method>
{
    public double Noise { get; } = Require.NonNegative(Noise);

    public Method Build(Site site) => new Flow(this, site);
}
