namespace Ebm.Records;

// The inputs of a run in its manifest, besides code: the checkpoint that it resumed from, and its data.

/// <summary>The checkpoint that an attempt resumed from, or that a run took from another one.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Attempt">The attempt that wrote it.</param>
/// <param name="Checkpoint">SHA-256 of one line per file, "sha256  name", in ordinal order: the output of <c>sha256sum *</c> in its folder.</param>
public sealed record ParentState(string Run, int Attempt, long Step, string Checkpoint) : Extensible
{
    /// <summary>The hash of a checkpoint's files, given by their names and SHA-256.</summary>
    public static string HashOf(IEnumerable<(string Name, string Sha256)> files) =>
        Canonical.Sha256(
            string.Concat(files.OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => $"{file.Sha256}  {file.Name}\n"))
        );
}

/// <summary>One data set as the run read it.</summary>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="Files">The files of its rows; none for a computed data set.</param>
/// <param name="Rows">The number of rows of each part: train, test, validation.</param>
/// <param name="Split">SHA-256 of the digests of the parts: which rows are in which part, and in what order.</param>
/// <param name="Preprocessing">SHA-256 of the settings that turn files into rows.</param>
/// <param name="Loss">What the files lost before they were read, such as detail in JPEG: a sentence. Null for original values.</param>
public sealed record DataState(
    string Name,
    string Digest,
    IReadOnlyList<DataFile>? Files = null,
    IReadOnlyDictionary<string, long>? Rows = null,
    string? Split = null,
    string? Preprocessing = null,
    string? Loss = null
) : Extensible;

/// <summary>One file of a data set as the run read it.</summary>
/// <param name="Path">Relative to the data root, with forward slashes.</param>
/// <param name="Modified">In UTC; a file with the same size and time is not read again for comparison.</param>
public sealed record DataFile(string Path, long Bytes, DateTime Modified, string Sha256) : Extensible;
