using Ebm.Core;

namespace Lab;

/// <summary>A Gaussian of variance 1 whose mean is learned by maximum likelihood.</summary>
public sealed class MovingMean : Method, IDensity
{
    readonly Modules.Parameter mean;

    public MovingMean(Site site)
        : base("moving-mean", site.Shape)
    {
        mean = nn.Parameter(zeros(site.Shape, device: site.Device));
        register_parameter("mean", mean);
        Parts = new Dictionary<string, nn.Module> { ["mean"] = this };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public Energy Density => new(x => (x - mean).square().SumPerRow() / 2);

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        yield return new Update("mean", Density.Of(data.Next()).mean());
    }

    public override Tensor Sample(long count, Rng rng) => mean + rng.Normal(Shape.Rows(count));
}

/// <summary>A Gaussian whose mean is learned.</summary>
[Kind("moving-mean")]
public sealed record MovingMeanSpec : ISpec<Method>
{
    public Method Build(Site site) => new MovingMean(site);
}
