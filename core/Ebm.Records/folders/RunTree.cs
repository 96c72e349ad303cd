namespace Ebm.Records;

/// <summary>
/// Decides which folders are runs. A run is the folder <c>&lt;runs&gt;/&lt;sweep&gt;/&lt;run id&gt;</c> whose name follows from its
/// <c>config.json</c> (<see cref="RunName"/>), whose manifest names this run and this sweep, and none of whose folders or records is a link.
/// Everything that looks like a run and is not one is found too, with the reason. Tables, audits, sweeps, the index and exports all read runs
/// through this class.
/// </summary>
public static class RunTree
{
    /// <summary>A folder that is a run, looks like one, or has another content.</summary>
    /// <param name="Run">The run; null if the folder is not one.</param>
    /// <param name="Manifest">Its manifest, from the same bytes as <paramref name="Seal"/>; null without one, or if it is not valid.</param>
    /// <param name="Why">Why the folder is not a run; null for a run.</param>
    /// <param name="LooksLikeRun">It is a run, or was one: it has a run's name or records.</param>
    /// <param name="Misplaced">A run, or a folder with runs, where no run can be: behind a link, hidden, or too deep.</param>
    public sealed record Found(
        string Path,
        RunFolder? Run,
        RunManifest? Manifest,
        Seal Seal,
        string? Why,
        bool LooksLikeRun,
        bool Misplaced = false
    )
    {
        /// <summary>The folder's name.</summary>
        public string Id => System.IO.Path.GetFileName(Path);

        /// <summary>The name of the folder above.</summary>
        public string Sweep => System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(Path)!);
    }

    const string Empty = "it contains no run";

    /// <summary>Everything in a run's folder, a sweep's folder or the folder of all sweeps, ordered by path; nothing if it is missing.</summary>
    public static IReadOnlyList<Found> Look(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Disk.HasFolder(path))
            return [];
        var places =
            LooksLikeRun(path) ? [(path, Place(path))]
            : IsSweep(path) ? Content(path)
            : Children(path)
                .SelectMany(child => LooksLikeRun(child) ? [(child, Place(child) ?? "it is in no sweep's folder")] : Content(child));
        return places
            .AsParallel()
            .AsOrdered()
            .Select(place =>
                place is (var folder, { } why)
                    ? new(folder, null, null, Seal.Absent, why, LooksLikeRun(folder), why != Empty)
                    : Judged(place.Folder)
            )
            .ToList();
    }

    /// <summary>Whether a folder is that of one sweep, and not of all sweeps, which has the ledger.</summary>
    static bool IsSweep(string folder) =>
        !Disk.Has(Path.Combine(folder, "ledger.jsonl"))
        && (Disk.Has(Path.Combine(folder, "plans.jsonl")) || Disk.Has(Path.Combine(folder, SweepFolder.Launches)) || HoldsRun(folder));

    /// <summary>The folders in a sweep's folder, each with the reason why it is not a run; null for one that may be a run.</summary>
    static List<(string Folder, string? Why)> Content(string sweep)
    {
        var name = Path.GetFileName(sweep);
        if (SweepFolder.IsOwn(name) || SweepFolder.IsReserved(name))
            return [];
        if (Place(sweep) is { } why)
            return Disk.IsLink(sweep) || HoldsRun(sweep) ? [(sweep, why)] : [];
        List<(string, string?)> content =
        [
            .. Children(sweep)
                .Where(child => !SweepFolder.IsOwn(Path.GetFileName(child)))
                .Where(child => !IsHidden(child) || LooksLikeRun(child) || HoldsRun(child))
                .Select(child => (child, Place(child) ?? (LooksLikeRun(child) ? null : Deeper(child)))),
        ];
        return content.Count > 0 || IsSweep(sweep) ? content : [(sweep, Empty)];
    }

    static string Deeper(string folder) => HoldsRun(folder) ? "a run in it is too deep: a run is a folder <runs>/<sweep>/<run id>" : Empty;

    /// <summary>Why no run is at a place, whatever it contains; null if one may be there.</summary>
    static string? Place(string folder) =>
        Disk.IsLink(folder) ? "it is a link, and a run is a folder of its own"
        : IsHidden(folder) ? "it is hidden, and no run is in a hidden folder"
        : null;

    static bool IsHidden(string folder) => Path.GetFileName(folder).StartsWith('.');

    // The name of a sweep may end as that of a run does, in a date such as -202611291200.
    static bool LooksLikeRun(string folder) =>
        RunName.IsLike(Path.GetFileName(folder))
            && !Disk.Has(Path.Combine(folder, "plans.jsonl"))
            && !Disk.Has(Path.Combine(folder, SweepFolder.Launches))
        || Disk.Has(Path.Combine(folder, "config.json"))
        || Disk.Has(Path.Combine(folder, "manifest.json"));

    static bool HoldsRun(string folder) => !Disk.IsLink(folder) && Children(folder).Any(LooksLikeRun);

    // A folder that cannot be read, or was deleted a moment ago, has none; if it looks like a run, it is named for itself.
    static string[] Children(string folder)
    {
        try
        {
            var children = Disk.Folders(folder);
            Array.Sort(children, StringComparer.Ordinal);
            return children;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    static Found Judged(string path)
    {
        Found No(string why, RunManifest? manifest = null, Seal seal = Seal.Absent) => new(path, null, manifest, seal, why, true);

        var folder = RunFolder.At(path);
        try
        {
            foreach (var name in (string[])["config.json", "manifest.json", "metrics.json"])
                if (Disk.IsLink(folder.In(name)))
                    return No($"its {name} is a link, which the run did not write");
            if (!Disk.HasFile(folder.In("config.json")))
                return No("it has no config.json");
            var (manifest, seal) = Disk.HasFile(folder.In("manifest.json"))
                ? RunManifest.Read(folder.In("manifest.json"))
                : (null, Seal.Absent);
            if (RunName.Contradicts(folder.Id, RegularFile.Bytes(folder.In("config.json"), RegularFile.Record)) is { } why)
                return No(why, manifest, seal);
            if (manifest is not null && manifest.RunId != folder.Id)
                return No($"its manifest belongs to another run, {manifest.RunId}: it was copied or renamed", manifest, seal);
            if (manifest is not null && manifest.SweepId != folder.Sweep)
                return No($"it ran in the sweep {manifest.SweepId}: it was moved or copied here", manifest, seal);
            return new(path, folder, manifest, seal, null, true);
        }
        catch (InvalidDataException error)
        {
            return No(error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return No($"it cannot be read: {error.Message}");
        }
    }
}
