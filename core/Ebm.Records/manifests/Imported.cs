namespace Ebm.Records;

/// <summary>
/// The origin of a run that was not executed here: somebody else's result, read from a file. Its config has the method's name, the data, the seed
/// and the source, and it has metrics; there are no samples, events or checkpoint.
/// </summary>
/// <param name="From">The paper, table or address that the values were taken from, as in the file.</param>
/// <param name="File">The file's name, without its folder.</param>
/// <param name="Sha256">The hash of the file.</param>
/// <param name="Line">The run's line in the file, counted from 1.</param>
public sealed record Imported(string From, string File, string Sha256, long Line) : Extensible
{
    /// <summary>The config's key with the source. No setting has this name, and the run's id is the hash of its config, so an imported run cannot
    /// become a trained one, nor a trained one imported.</summary>
    public const string Key = "imported.from";
}
