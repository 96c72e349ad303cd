namespace Ebm.Records;

// What a manifest says of what a run took (time, memory, cost) and of what came of it.

/// <summary>When, in UTC, and for how long, in seconds.</summary>
/// <param name="Wall">Seconds of all attempts that this result rests on.</param>
/// <param name="Cpu">Processor seconds of this attempt.</param>
/// <param name="Train">Seconds of training, of all attempts.</param>
/// <param name="Queued">When a launcher wrote the attempt down; null for a run by itself.</param>
/// <param name="Gpu">Seconds for which this attempt held a GPU; null on a CPU.</param>
public sealed record Timing(
    DateTime? Started = null,
    DateTime? Ended = null,
    double? Wall = null,
    double? Cpu = null,
    double? Train = null,
    DateTime? Queued = null,
    double? Gpu = null
) : Extensible;

/// <summary>The most that was in use at once, in bytes.</summary>
public sealed record Peak(long Rss, long? Vram = null) : Extensible;

/// <summary>Units of cost: one is one row through one gradient.</summary>
public sealed record Spent(long Train, long Sample, long Measure) : Extensible;

/// <summary>One file of the run folder that must not change any more.</summary>
/// <param name="Path">Relative to the run folder, with forward slashes.</param>
/// <param name="Bytes">Its size.</param>
public sealed record Artefact(string Path, string Sha256, long Bytes) : Extensible;
