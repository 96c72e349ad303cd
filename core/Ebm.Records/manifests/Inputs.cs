namespace Ebm.Records;

// What a manifest says of what a run was made from besides code: the checkpoint it went on from, and its data.

/// <summary>The checkpoint that an attempt went on from.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Attempt">The attempt that wrote it.</param>
/// <param name="Checkpoint">SHA-256 of a line for each of its files, "sha256  name", in ordinal order: what <c>sha256sum *</c> prints there.</param>
public sealed record ParentState(string Run, int Attempt, long Step, string Checkpoint) : Extensible;

/// <summary>One data set as it was read.</summary>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="Files">The files that its rows came from; none for a data set that is computed.</param>
/// <param name="Rows">How many, by part: train, test, validation.</param>
/// <param name="Split">SHA-256 of the digests of the parts: which rows are in which, and in what order.</param>
/// <param name="Preprocessing">SHA-256 of the settings by which files became rows.</param>
public sealed record DataState(
    string Name,
    string Digest,
    IReadOnlyList<DataFile>? Files = null,
    IReadOnlyDictionary<string, long>? Rows = null,
    string? Split = null,
    string? Preprocessing = null
) : Extensible;

/// <summary>One file of a data set as it was read.</summary>
/// <param name="Path">Relative to the data root, with forward slashes.</param>
/// <param name="Modified">In UTC: a file of this size and time is not read again to be compared.</param>
public sealed record DataFile(string Path, long Bytes, DateTime Modified, string Sha256) : Extensible;
