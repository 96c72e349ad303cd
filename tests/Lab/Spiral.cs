using System.Security.Cryptography;
using Ebm.Core;

namespace Lab;

/// <summary>A data set outside the project: rows along the arm of a spiral, from the origin to radius 2.</summary>
public sealed class Spiral : IDataset
{
    public Spiral(SpiralSpec settings, Site site)
    {
        Train = Draw(settings, settings.Rows, site.Rng.Stream("train"));
        Test = Draw(settings, settings.Rows / 5, site.Rng.Stream("test"));
        Digest = Convert.ToHexStringLower(SHA256.HashData([.. Train.cpu().bytes, .. Test.cpu().bytes]));
    }

    public string Name => "spiral";
    public long[] Shape { get; } = [2];
    public Tensor Train { get; }
    public Tensor Test { get; }
    public string Digest { get; }

    static Tensor Draw(SpiralSpec settings, long count, Rng rng)
    {
        // The arm's length grows with the square of the angle, so the square root makes rows uniform along the arm.
        var along = rng.Uniform(count, 1).sqrt();
        var angle = 2 * Math.PI * settings.Turns * along;
        return 2 * along * cat([angle.cos(), angle.sin()], 1) + settings.Sd * rng.Normal(count, 2);
    }
}

/// <summary>A spiral.</summary>
/// <param name="Turns">Turns from the origin to radius 2.</param>
/// <param name="Sd">Standard deviation of the noise about the arm.</param>
/// <param name="Rows">Rows to train on; a fifth as many to test on.</param>
[Kind("spiral")]
public sealed record SpiralSpec(double Turns = 2, double Sd = .05, long Rows = 10_000) : ISpec<IDataset>
{
    public double Turns { get; } = Require.Positive(Turns);
    public double Sd { get; } = Require.Positive(Sd);
    public long Rows { get; } = Require.AtLeast(5, Rows);

    public IDataset Build(Site site) => new Spiral(this, site);
}
