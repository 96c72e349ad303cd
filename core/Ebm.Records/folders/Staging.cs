namespace Ebm.Records;

/// <summary>
/// Writing a folder that others may take over. Who has claimed the run writes through a staging folder of its own (<see cref="Taken"/>). Taking the
/// run over moves that folder away, and from then on each rename out of it fails, in the file system itself: a process that was thought dead
/// publishes nothing, at whichever instruction it wakes up.
/// </summary>
public sealed partial class RunFolder
{
    const string Stagings = ".staging-*",
        Next = ".next",
        Previous = ".previous";

    /// <summary>This folder for the one process that holds its lease; whoever had taken it before publishes nothing any more.</summary>
    public RunFolder Taken()
    {
        foreach (var left in Directory.GetDirectories(Path, Stagings))
        {
            // Moved first: what is deleted file by file could still be renamed out of.
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

    /// <summary>Gives back what <see cref="Taken"/> took.</summary>
    public void Release()
    {
        if (Directory.Exists(staging))
            Directory.Delete(staging, recursive: true);
    }

    /// <exception cref="FencedException">Another process has taken the run over.</exception>
    void Fence()
    {
        if (staging is not null && !Directory.Exists(staging))
            throw new FencedException("another process has taken this run over, so this one publishes nothing any more");
    }

    /// <exception cref="FencedException">Another process has taken the run over.</exception>
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
    /// Replaces a folder of the run by a freshly filled one, so that at every moment one whole version is there:
    /// as <c>name</c>, or, between two renames, as <c>name.previous</c> (see <see cref="Settle"/> and <see cref="Taken"/>).
    /// </summary>
    /// <param name="fill">Writes files into the folder it is given.</param>
    public void Replace(string name, Action<string> fill) => Publish(() => Exchange(name, fill));

    void Exchange(string name, Action<string> fill)
    {
        Settle(name);
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        AtomicFile.CreateFolder(next);
        AtomicFile.Reached?.Invoke("made");
        fill(next);
        AtomicFile.Reached?.Invoke("filled");
        foreach (var file in Directory.EnumerateFiles(next, "*", SearchOption.AllDirectories))
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

    /// <summary>Finishes a <see cref="Replace"/> that was cut off: afterwards <c>name</c> is the newest whole version, if there is any.</summary>
    /// <returns>Whether the folder is there.</returns>
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
