namespace Ebm.Records;

/// <summary>The folders of a sweep's folder that are not runs.</summary>
public static class SweepFolder
{
    /// <summary>The folder of launches: one <see cref="LaunchRecord"/> per file, and a folder per launcher that keeps files.</summary>
    public const string Launches = "launches";

    /// <summary>Reports of audits, named by their hashes; in the folder of all runs, beside the sweeps.</summary>
    public const string Audits = "audits";

    /// <summary>The folders of the sweeps below a folder of runs, in ordinal order; empty if it is missing.</summary>
    public static IReadOnlyList<string> Under(string runs) =>
        !Directory.Exists(runs)
            ? []
            :
            [
                .. Directory
                    .GetDirectories(runs)
                    .Where(folder => Path.GetFileName(folder) is { } name && name != Audits && !name.StartsWith('.'))
                    .Order(StringComparer.Ordinal),
            ];

    /// <summary>Whether a folder of this name below a sweep's folder is not a run.</summary>
    public static bool IsOwn(string name) => name is Launches;
}
