namespace Ebm.Core;

// A config record builds what it describes. Each component has its record beside it, marked with the kind that configs name;
// the catalog finds the records by reflection, so that a new component is one file and nobody keeps a list.

/// <summary>The name by which a config asks for this record: <c>kind: joint-cd</c>. Unique among the records of one role.</summary>
/// <param name="name">Lower case, words joined by hyphens.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class KindAttribute(string name) : Attribute
{
    public string Name => name;
}

/// <summary>What a record is told when it builds.</summary>
/// <param name="Shape">Shape of one row, without the batch; empty for a data set, which says its own.</param>
/// <param name="Device">Where the tensors live.</param>
/// <param name="Rng">The stream to draw from: initial weights, or a data set's rows.</param>
/// <param name="DataRoot">The folder under which data sets find their files.</param>
public sealed record Site(long[] Shape, Device Device, Rng Rng, string DataRoot);

/// <summary>A record that builds a method, a data set or a metric.</summary>
public interface ISpec<out T>
{
    T Build(Site site);
}

/// <summary>A record that builds a level energy. It is told the schedule, so no config says the levels or their noise twice.</summary>
public interface ILevelEnergySpec
{
    LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise);
}

/// <summary>A record that builds a network from rows of one shape to rows of another.</summary>
public interface INetSpec
{
    nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to);
}

/// <summary>A setting that decides nothing about the result (a device, a path, how often something is logged): changing it leaves the run's id as it is.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class NoIdentityAttribute : Attribute;

/// <summary>A setting that was added when runs without it existed: where it has the value that they behaved as if they had, ids stay as they were.</summary>
/// <param name="value">What the older runs did, even when the default changes later.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OldRunsHadAttribute(object? value) : Attribute
{
    public object? Value => value;
}
