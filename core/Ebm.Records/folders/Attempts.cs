using System.Globalization;

namespace Ebm.Records;

/// <summary>
/// The attempts of a run: manifests and logs of earlier attempts are in <c>attempts/NNN</c>; results are only in the run's folder.
/// </summary>
public sealed partial class RunFolder
{
    /// <summary>
    /// Prepares another attempt: moves the manifest and logs of the last one to <c>attempts/NNN</c>, the manifest last, so that the next call
    /// finishes an interrupted move. Results stay.
    /// </summary>
    /// <returns>The number of the new attempt, counted from 1.</returns>
    public int NextAttempt()
    {
        Fence();
        if (Manifest is { } last)
        {
            var name = $"attempts/{Numbered(last.Attempt)}";
            var bytes = RegularFile.Bytes(In("manifest.json"), RegularFile.Record);
            Disk.MakeFolder(In(name));
            foreach (var log in (string[])["stdout.log", "stderr.log"])
                if (Disk.HasFile(In(log)))
                    Disk.MoveFile(In(log), In(name, log));
            // Not by one rename: a process that was suspended just before it would move the manifest of its successor away.
            Write($"{name}/manifest.json", stream => stream.Write(bytes));
            Remove("manifest.json");
            Disk.SyncFolder(Path);
        }
        // Partial files of a killed process.
        foreach (var file in Visible())
            if (System.IO.Path.GetFileName(file) is ['.', ..] name && name.EndsWith(".new", StringComparison.Ordinal))
                Disk.DeleteFile(file);
        return 1 + Attempts().Select(attempt => attempt.Attempt).DefaultIfEmpty(0).Max();
    }

    /// <summary>Deletes results and checkpoint, so that an attempt starts at step 0.</summary>
    public void Discard()
    {
        string[] made =
        [
            "checkpoint",
            "arrays",
            "events.jsonl",
            "measures.jsonl",
            "trace.jsonl",
            "metrics.json",
            "samples.npy",
            "samples.png",
        ];
        FinishAdopting();
        DropDrafts();
        foreach (var name in made)
            Remove(name);
    }

    /// <summary>The manifests of earlier attempts, first to last.</summary>
    public IReadOnlyList<RunManifest> Attempts() =>
        !Disk.HasFolder(In("attempts"))
            ? []
            : Disk.Folders(In("attempts"))
                .Select(folder => System.IO.Path.Combine(folder, "manifest.json"))
                .Where(Disk.HasFile)
                .Select(file => RunManifest.Read(file).Manifest)
                .OrderBy(manifest => manifest.Attempt)
                .ToList();

    static string Numbered(int attempt) => attempt.ToString("000", CultureInfo.InvariantCulture);
}
