namespace Ebm.Core;

// A config record builds the component that it describes. Each component's record is in the same file, marked with its kind; the catalog finds
// records by reflection, so a new component needs no registration.

/// <summary>The name of this record in configs: <c>kind: joint-cd</c>. Unique among the records of one role.</summary>
/// <param name="name">Lower case, words joined by hyphens.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class KindAttribute(string name) : Attribute
{
    public string Name => name;
}

/// <summary>The context in which a record builds its component.</summary>
/// <param name="Shape">Shape of one row, without the batch dimension; empty for a data set.</param>
/// <param name="Device">The device of the tensors.</param>
/// <param name="Rng">The stream to draw from: initial weights, or a data set's rows.</param>
/// <param name="DataRoot">The folder that contains the files of data sets.</param>
public sealed record Site(long[] Shape, Device Device, Rng Rng, string DataRoot);

/// <summary>A record that builds a method, a data set or a metric.</summary>
public interface ISpec<out T>
{
    T Build(Site site);
}

/// <summary>A record that builds a level energy. It receives the schedule, so configs state levels and noise only once.</summary>
public interface ILevelEnergySpec
{
    LevelNet Build(Rng rng, long[] shape, NoiseSchedule noise);
}

/// <summary>A record that builds a network from rows of one shape to rows of another.</summary>
public interface INetSpec
{
    nn.Module<Tensor, Tensor> Build(Rng rng, long[] from, long[] to);
}

/// <summary>A record of a net that takes rows of some shapes only, so that a plan can refuse the others.</summary>
public interface INeedsShape
{
    /// <summary>Whether the net can be built for rows of this shape, without the batch dimension.</summary>
    bool Takes(long[] shape);

    /// <summary>The rows that it takes, for errors: "square images whose side is a multiple of 4".</summary>
    string Needed { get; }
}

/// <summary>A setting that does not affect the result (a device, a path, how often something is logged); it is not part of the run's id.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class NoIdentityAttribute : Attribute;

/// <summary>A setting added after runs existed without it. If it has the value that those runs effectively used, their ids do not change.</summary>
/// <param name="value">The value that older runs used; it stays even if the default changes later.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class OldRunsHadAttribute(object? value) : Attribute
{
    public object? Value => value;
}

/// <summary>A setting of a method that acts after training only, in generation: it changes no weight, no record of training and no state of a
/// checkpoint, so runs of a sweep that differ only in such settings share one training.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class AfterTrainingAttribute : Attribute;

/// <summary>A second word for a choice, which configs may have instead of its own; written configs and ids have its own.</summary>
/// <param name="word">Lower case, words joined by hyphens.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class AlsoWrittenAttribute(string word) : Attribute
{
    public string Word => word;
}
