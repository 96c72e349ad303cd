namespace Ebm.Records;

/// <summary>What a sweep's folder holds besides runs, in folders of its own.</summary>
public static class SweepFolder
{
    /// <summary>The folder of launches: a <see cref="LaunchRecord"/> a file, and a folder for each launcher that keeps files of its own.</summary>
    public const string Launches = "launches";

    /// <summary>What a folder of runs holds beside its sweeps: the reports of audits, each under its hash.</summary>
    public const string Audits = "audits";

    /// <summary>The folders of the sweeps below a folder of runs, in ordinal order; none where it is missing.</summary>
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

    /// <summary>Whether a folder of this name below a sweep's is the sweep's own.</summary>
    public static bool IsOwn(string name) => name is Launches;
}
