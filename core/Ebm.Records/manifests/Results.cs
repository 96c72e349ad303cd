namespace Ebm.Records;

// The results of a run in its manifest: time, memory, cost and artefacts.

/// <summary>Times in UTC, and durations in seconds.</summary>
/// <param name="Wall">Seconds of all attempts behind this result.</param>
/// <param name="Cpu">Processor seconds of this attempt.</param>
/// <param name="Train">Seconds of training in all attempts.</param>
/// <param name="Queued">When a launcher queued the attempt; null for a run without a launcher.</param>
/// <param name="Gpu">Seconds for which this attempt used a GPU; null on a CPU.</param>
public sealed record Timing(
    DateTime? Started = null,
    DateTime? Ended = null,
    double? Wall = null,
    double? Cpu = null,
    double? Train = null,
    DateTime? Queued = null,
    double? Gpu = null
) : Extensible;

/// <summary>Peak memory use, in bytes.</summary>
public sealed record Peak(long Rss, long? Vram = null) : Extensible;

/// <summary>Units of cost: one unit is the gradient of one row.</summary>
public sealed record Spent(long Train, long Sample, long Measure) : Extensible;

/// <summary>One file of the run folder that must not change after the run.</summary>
/// <param name="Path">Relative to the run folder, with forward slashes.</param>
/// <param name="Bytes">Its size.</param>
public sealed record Artefact(string Path, string Sha256, long Bytes) : Extensible;
