namespace Ebm.Records;

/// <summary>
/// Results of a completed run are replaced all at once: a measurement writes into a draft beside them, and seals what it wrote by a manifest of
/// its own. One rename, to <c>.measured</c>, decides that it counts; then its files move into place, the manifest last. Whoever dies before
/// that rename has changed nothing, whoever dies after it is finished by the next measurement, and an audit says so meanwhile.
/// </summary>
public sealed partial class RunFolder
{
    const string Drafts = ".measure-*",
        Decided = ".measured",
        Seals = "manifest.json";

    /// <summary>An empty folder beside the results, to be written as a run's, and adopted. Those of measurements that were cut off go.</summary>
    public RunFolder Draft()
    {
        DropDrafts();
        var draft = In(Drafts[..^1] + Guid.NewGuid().ToString("n")[..12]);
        Directory.CreateDirectory(draft);
        return new(draft);
    }

    /// <summary>The manifest of a measurement that was cut off on its way into place; null without one.</summary>
    /// <exception cref="InvalidDataException">The file is no manifest.</exception>
    public RunManifest? Adopting =>
        File.Exists(In(Decided, Seals)) ? RunManifest.Parse(File.ReadAllText(In(Decided, Seals)), In(Decided, Seals)) : null;

    /// <summary>Replaces the run's results by those of a <see cref="Draft"/>, under this manifest.</summary>
    /// <exception cref="FencedException">Another process has taken the run over: nothing has changed.</exception>
    public void Adopt(RunFolder draft, RunManifest manifest) =>
        Publish(() =>
        {
            var last = Attempts().LastOrDefault(attempt => attempt.Attempt < manifest.Attempt);
            // Also where it has none: those that are there are another measurement's.
            Directory.CreateDirectory(draft.In("arrays"));
            var replaced = draft.Artefacts();
            var names = replaced.Select(artefact => artefact.Path).ToHashSet(StringComparer.Ordinal);
            var kept = Artefacts().Where(old => !names.Contains(old.Path) && !old.Path.StartsWith("arrays/", StringComparison.Ordinal));
            Artefact[] all = [.. replaced.Concat(kept).OrderBy(artefact => artefact.Path, StringComparer.Ordinal)];
            AtomicFile.Write(draft.In(Seals), (manifest with { Artefacts = all, PrevHash = last?.Hash }).Sealed().ToJson());
            AtomicFile.Reached?.Invoke("sealed");
            // By way of what a process that has lost its claim no longer has.
            if (staging is not null)
                Directory.Move(draft.Path, Staged(Decided));
            Directory.Move(staging is null ? draft.Path : Staged(Decided), In(Decided));
            AtomicFile.SyncFolder(Path);
            AtomicFile.Reached?.Invoke("decided");
            FinishAdopting();
        });

    /// <summary>Moves into place what was decided and is not there yet.</summary>
    public void FinishAdopting()
    {
        if (!Directory.Exists(In(Decided)))
            return;
        if (Directory.Exists(In(Decided, "arrays")))
        {
            Remove("arrays");
            AtomicFile.Reached?.Invoke("arrays gone");
            if (Directory.EnumerateFiles(In(Decided, "arrays")).Any())
                Directory.Move(In(Decided, "arrays"), In("arrays"));
            AtomicFile.Reached?.Invoke("arrays moved in");
        }
        foreach (var file in Directory.GetFiles(In(Decided)).OrderBy(file => System.IO.Path.GetFileName(file) == Seals))
        {
            File.Move(file, In(System.IO.Path.GetFileName(file)), overwrite: true);
            AtomicFile.Reached?.Invoke("file moved in");
        }
        AtomicFile.SyncFolder(Path);
        Directory.Delete(In(Decided), recursive: true);
    }

    /// <summary>Forgets measurements that were cut off.</summary>
    public void DropDrafts()
    {
        foreach (var left in Directory.GetDirectories(Path, Drafts))
            Directory.Delete(left, recursive: true);
    }
}
