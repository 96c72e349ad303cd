namespace Ebm.Data;

/// <summary>A law of rows that is known exactly: its density, its modes and how to draw from it.</summary>
interface IExactLaw : IKnownDensity, IKnownModes
{
    string Name { get; }

    /// <summary>Shape of one row.</summary>
    long[] Shape { get; }

    /// <summary>Numbers held for each row while rows are drawn, in double.</summary>
    long Numbers { get; }
}

/// <summary>A data set drawn from an exact law: rows for training and for test, each from a stream of its own, and what the law knows.</summary>
sealed class ExactData : IDataset, IKnownDensity, IKnownModes
{
    readonly IExactLaw law;

    /// <param name="train">Rows to train on.</param>
    /// <param name="test">Rows that no method trains on.</param>
    public ExactData(IExactLaw law, long train, long test, Site site)
    {
        this.law = law;
        Capacity.ForRows(train, law.Numbers);
        Capacity.ForRows(test, law.Numbers);
        using (NewDisposeScope())
        {
            Train = law.Draw(train, site.Rng.Stream("train")).to(site.Device).DetachFromDisposeScope();
            Test = law.Draw(test, site.Rng.Stream("test")).to(site.Device).DetachFromDisposeScope();
        }
        Digest = Content.Digest(Train, Test);
    }

    public string Name => law.Name;
    public long[] Shape => law.Shape;
    public Tensor Train { get; }
    public Tensor Test { get; }
    public string Digest { get; }
    public double HalfWidth => law.HalfWidth;
    public Tensor Weights => law.Weights;

    public Tensor LogDensity(Tensor x) => law.LogDensity(x);

    public Tensor Draw(long count, Rng rng) => law.Draw(count, rng);

    public Tensor Nearest(Tensor x) => law.Nearest(x);
}
