using System.Globalization;

namespace Ebm.Records;

/// <summary>
/// The attempts at a run: manifest and logs of earlier ones lie in <c>attempts/NNN</c>, results only in the run's folder.
/// </summary>
public sealed partial class RunFolder
{
    /// <summary>
    /// Makes way for another attempt: the manifest and the logs of the last one move to <c>attempts/NNN</c>, the manifest last, so that
    /// a move that was cut off is finished by the next call. Results stay.
    /// </summary>
    /// <returns>The number of the attempt that may begin, counted from 1.</returns>
    public int NextAttempt()
    {
        Fence();
        if (Manifest is { } last)
        {
            var folder = In("attempts", Numbered(last.Attempt));
            Directory.CreateDirectory(folder);
            foreach (var name in (string[])["stdout.log", "stderr.log", "manifest.json"])
                if (File.Exists(In(name)))
                    File.Move(In(name), System.IO.Path.Combine(folder, name), overwrite: true);
            AtomicFile.SyncFolder(folder);
            AtomicFile.SyncFolder(Path);
        }
        // What a killed process left half written.
        foreach (var file in Directory.GetFiles(Path, ".*.new", SearchOption.AllDirectories))
            File.Delete(file);
        return 1 + Attempts().Select(attempt => attempt.Attempt).DefaultIfEmpty(0).Max();
    }

    /// <summary>Takes away results and checkpoint, so that an attempt begins at step 0.</summary>
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
        !Directory.Exists(In("attempts"))
            ? []
            : Directory
                .GetDirectories(In("attempts"))
                .Select(folder => System.IO.Path.Combine(folder, "manifest.json"))
                .Where(File.Exists)
                .Select(file => RunManifest.Parse(File.ReadAllText(file), file))
                .OrderBy(manifest => manifest.Attempt)
                .ToList();

    static string Numbered(int attempt) => attempt.ToString("000", CultureInfo.InvariantCulture);
}
