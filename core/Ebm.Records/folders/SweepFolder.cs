namespace Ebm.Records;

/// <summary>The folders of sweeps below the folder of all runs, and the folders of a sweep's folder that are not runs.</summary>
public static class SweepFolder
{
    /// <summary>The folder of launches: one <see cref="LaunchRecord"/> per file, and a folder per launcher that keeps files.</summary>
    public const string Launches = "launches";

    /// <summary>Reports of audits, named by their hashes; in the folder of all runs, beside the sweeps.</summary>
    public const string Audits = "audits";

    /// <summary>Signatures of all runs; in the folder of all runs, beside the sweeps.</summary>
    public const string Signatures = "signatures";

    /// <summary>What the folder of all runs contains besides sweeps.</summary>
    static readonly string[] Reserved = [Audits, Signatures, "ledger.jsonl", "index.db"];

    /// <summary>Whether a folder of this name beside the sweeps is not a sweep.</summary>
    public static bool IsReserved(string name) => Reserved.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The name of a sweep.</summary>
    /// <param name="source">Where it was written, for the error.</param>
    /// <exception cref="ConfigException">It cannot be a folder's name, or is reserved.</exception>
    public static FolderName Name(string text, Source source) =>
        IsReserved(text)
            ? throw new ConfigException(
                source,
                "",
                $"the name {text} is reserved for a file or folder beside the sweeps; choose another name."
            )
            : FolderName.Parse(text, source, "a sweep's name");

    /// <summary>The folders of the sweeps below a folder of runs, in ordinal order; empty if it is missing.</summary>
    public static IReadOnlyList<string> Under(string runs) =>
        !Disk.HasFolder(runs)
            ? []
            :
            [
                .. Disk.Folders(runs)
                    .Where(folder => Path.GetFileName(folder) is { } name && !IsReserved(name) && !name.StartsWith('.'))
                    .Order(StringComparer.Ordinal),
            ];

    /// <summary>The files of leases that a process holds while it executes a sweep or a part of it, in a sweep's folder.</summary>
    const string Locks = "*.lock";

    /// <summary>Whether a process executes the sweep of this folder, or a part of it, on this or another machine. Writes nothing.</summary>
    public static bool IsAtWork(string folder) =>
        Disk.HasFolder(folder)
        && Disk.Files(folder, Locks).Any(file => Path.GetFileName(file) is { } name && IsPart(name) && Lease.IsHeld(file));

    static bool IsPart(string name) => name == "sweep.lock" || name.StartsWith("shard-", StringComparison.Ordinal);

    /// <summary>Whether a folder of this name below a sweep's folder is not a run.</summary>
    public static bool IsOwn(string name) => name is Launches;
}
