namespace Ebm.Records;

/// <summary>
/// Fences the writes to a run that another process may take over. A process with a claim writes through its own staging folder (<see
/// cref="Taken"/>). A takeover moves that folder away, so every later rename out of it fails in the file system: a process that was thought dead
/// cannot write to the run any more, at whichever instruction it resumes.
/// </summary>
public sealed partial class RunFolder
{
    const string Stagings = ".staging-*",
        Next = ".next",
        Previous = ".previous";

    /// <summary>This folder for the process that has the lease; a process that had it before can no longer write.</summary>
    public RunFolder Taken()
    {
        foreach (var left in Directory.GetDirectories(Path, Stagings))
        {
            // Moved first, because files could still be renamed out of the folder while it is deleted.
            var gone = left.EndsWith(".gone", StringComparison.Ordinal) ? left : left + ".gone";
            if (gone != left)
                Directory.Move(left, gone);
            foreach (var previous in Directory.GetDirectories(gone, "*" + Previous))
                if (In(System.IO.Path.GetFileName(previous)[..^Previous.Length]) is var current && !Directory.Exists(current))
                    Directory.Move(previous, current);
            Directory.Delete(gone, recursive: true);
        }
        var own = In(Stagings[..^1] + Guid.NewGuid().ToString("n")[..12]);
        Directory.CreateDirectory(own);
        return new(Path, own);
    }

    /// <summary>Deletes the staging folder of <see cref="Taken"/>.</summary>
    public void Release()
    {
        if (Directory.Exists(staging))
            Directory.Delete(staging, recursive: true);
    }

    /// <exception cref="FencedException">Another process has taken over the run.</exception>
    void Fence()
    {
        if (staging is not null && !Directory.Exists(staging))
            throw new FencedException("another process has taken over this run, so this process stops writing to it");
    }

    /// <exception cref="FencedException">Another process has taken over the run.</exception>
    void Publish(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            Fence();
            throw;
        }
    }

    string Staged(string name) => System.IO.Path.Combine(staging ?? Path, name);

    /// <summary>
    /// Replaces a folder of the run by a newly filled one, so that a complete version exists at every moment: as <c>name</c>, or, between two
    /// renames, as <c>name.previous</c> (see <see cref="Settle"/> and <see cref="Taken"/>).
    /// </summary>
    /// <param name="fill">Writes files into the folder that it receives.</param>
    public void Replace(string name, Action<string> fill) => Publish(() => Exchange(name, fill));

    void Exchange(string name, Action<string> fill)
    {
        Settle(name);
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        AtomicFile.CreateFolder(next);
        AtomicFile.Reached?.Invoke("made");
        fill(next);
        AtomicFile.Reached?.Invoke("filled");
        foreach (var file in FolderTree.Files(next))
            using (var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite))
                stream.Flush(flushToDisk: true);
        AtomicFile.SyncFolder(next);
        AtomicFile.Reached?.Invoke("on the disk");
        if (Directory.Exists(current))
            Directory.Move(current, previous);
        AtomicFile.Reached?.Invoke("moved away");
        Directory.Move(next, current);
        AtomicFile.Reached?.Invoke("moved in");
        AtomicFile.SyncFolder(Path);
        if (Directory.Exists(previous))
            Directory.Delete(previous, recursive: true);
    }

    /// <summary>Finishes an interrupted <see cref="Replace"/>: afterwards <c>name</c> is the newest complete version, if there is one.</summary>
    /// <returns>Whether the folder exists.</returns>
    public bool Settle(string name)
    {
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        if (Directory.Exists(next))
            Directory.Delete(next, recursive: true);
        if (!Directory.Exists(current) && Directory.Exists(previous))
            Directory.Move(previous, current);
        else if (Directory.Exists(previous))
            Directory.Delete(previous, recursive: true);
        return Directory.Exists(current);
    }
}
