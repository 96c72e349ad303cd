namespace Ebm.Records;

/// <summary>
/// Replaces the results of a completed run atomically: a measurement writes into a draft folder beside them and seals its files with a manifest of
/// their own. One rename, to <c>.measured</c>, makes it valid; then its files move into place, the manifest last. If the process dies before the
/// rename, nothing has changed; if it dies later, the next measurement finishes the move, and audits report the unfinished state until then.
/// </summary>
public sealed partial class RunFolder
{
    const string Drafts = ".measure-*",
        Decided = ".measured",
        Seals = "manifest.json";

    /// <summary>An empty folder beside the results, to be filled like a run's folder and adopted. Drafts of interrupted measurements are
    /// deleted.</summary>
    public RunFolder Draft()
    {
        DropDrafts();
        var draft = In(Drafts[..^1] + Guid.NewGuid().ToString("n")[..12]);
        Disk.MakeFolder(draft);
        return new(draft);
    }

    /// <summary>The file of the manifest of a measurement that was interrupted while its files moved into place; null without one.</summary>
    public string? AdoptingFile => Disk.HasFile(In(Decided, Seals)) ? In(Decided, Seals) : null;

    /// <summary>Replaces the run's results with those of a <see cref="Draft"/>, under this manifest.</summary>
    /// <exception cref="FencedException">Another process has taken over the run; nothing has changed.</exception>
    public void Adopt(RunFolder draft, RunManifest manifest) =>
        Publish(() =>
        {
            var last = Attempts().LastOrDefault(attempt => attempt.Attempt < manifest.Attempt);
            // Even if the draft has no arrays, because the existing ones belong to an earlier measurement.
            Disk.MakeFolder(draft.In("arrays"));
            var replaced = draft.Artefacts();
            var names = replaced.Select(artefact => artefact.Path).ToHashSet(StringComparer.Ordinal);
            var kept = Artefacts().Where(old => !names.Contains(old.Path) && !old.Path.StartsWith("arrays/", StringComparison.Ordinal));
            Artefact[] all = [.. replaced.Concat(kept).OrderBy(artefact => artefact.Path, StringComparer.Ordinal)];
            AtomicFile.Write(
                draft.In(Seals),
                (manifest with { Artefacts = all, PrevHash = last?.Hash, Replaces = Manifest?.Hash }).Sealed().ToJson()
            );
            AtomicFile.Reached?.Invoke("sealed");
            // Through the staging folder, which a process without a claim no longer has.
            if (staging is not null)
                Disk.MoveFolder(draft.Path, Staged(Decided));
            Disk.MoveFolder(staging is null ? draft.Path : Staged(Decided), In(Decided));
            Disk.SyncFolder(Path);
            AtomicFile.Reached?.Invoke("decided");
            FinishAdopting();
        });

    /// <summary>Moves the remaining files of an adopted measurement into place.</summary>
    public void FinishAdopting()
    {
        if (!Disk.HasFolder(In(Decided)))
            return;
        if (Disk.HasFolder(In(Decided, "arrays")))
        {
            Remove("arrays");
            AtomicFile.Reached?.Invoke("arrays gone");
            if (Disk.Files(In(Decided, "arrays")).Length > 0)
                Disk.MoveFolder(In(Decided, "arrays"), In("arrays"));
            AtomicFile.Reached?.Invoke("arrays moved in");
        }
        foreach (var file in Disk.Files(In(Decided)).OrderBy(file => System.IO.Path.GetFileName(file) == Seals))
        {
            Disk.MoveFile(file, In(System.IO.Path.GetFileName(file)));
            AtomicFile.Reached?.Invoke("file moved in");
        }
        Disk.SyncFolder(Path);
        Disk.DeleteFolder(In(Decided));
    }

    /// <summary>Deletes the drafts of interrupted measurements.</summary>
    public void DropDrafts()
    {
        foreach (var left in Disk.Folders(Path, Drafts))
            Disk.DeleteFolder(left);
    }
}
