using Ebm.Core;

namespace Lab;

/// <summary>A method that prints very much on standard output and standard error.</summary>
public sealed class Chatter : Method
{
    readonly Modules.Parameter weight;
    readonly long lines;

    public Chatter(ChatterSpec settings, Site site)
        : base("chatter", site.Shape)
    {
        lines = settings.Lines;
        weight = nn.Parameter(zeros(1, device: site.Device));
        register_parameter("weight", weight);
        Parts = new Dictionary<string, nn.Module> { ["weight"] = this };
    }

    public override IReadOnlyDictionary<string, nn.Module> Parts { get; }

    public override IEnumerable<Update> Iterate(Batches data, Rng rng)
    {
        var filling = new string('.', 1000);
        for (var line = 1L; line <= lines; line++)
        {
            Console.Out.WriteLine($"line {line} {filling}");
            Console.Error.WriteLine($"line {line} {filling}");
        }
        yield return new Update("weight", (data.Next().mean() * weight).sum());
    }

    public override Tensor Sample(long count, Rng rng) => rng.Normal(Shape.Rows(count));
}

/// <summary>A method that prints very much.</summary>
/// <param name="Lines">Lines of a thousand letters that each step prints.</param>
[Kind("chatter")]
public sealed record ChatterSpec(long Lines = 1000) : ISpec<Method>
{
    public long Lines { get; } = Require.Positive(Lines);

    public Method Build(Site site) => new Chatter(this, site);
}
