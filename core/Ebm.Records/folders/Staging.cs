namespace Ebm.Records;

/// <summary>
/// Fences the writes to a run that another process may take over. A process with a claim writes through its own staging folder (<see
/// cref="Taken"/>). A takeover moves that folder away, so every later rename out of it fails in the file system: a process that was thought dead
/// cannot write to the run any more, at whichever instruction it resumes.
/// </summary>
public sealed partial class RunFolder
{
    const string Stagings = ".staging-*",
        Gone = ".gone",
        Next = ".next",
        Previous = ".previous";

    /// <summary>The staging folders of a run: that of the process that has it, or those that ended processes have left.</summary>
    /// <param name="path">The run's folder, which exists.</param>
    public static IReadOnlyList<string> StagingsOf(string path) => Disk.Folders(path, Stagings);

    /// <summary>This folder for the process that has the lease; a process that had it before can no longer write.</summary>
    /// <param name="before">Its staging folders from before the lease was found free. Where machines share no locks, another process may have found the same;
    /// its folder is not among them.</param>
    /// <exception cref="FencedException">Another process has taken it over since.</exception>
    public RunFolder Taken(IReadOnlyList<string> before)
    {
        foreach (var left in before)
            try
            {
                MoveAway(left);
            }
            catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException)
            {
                // Another process has moved it away; a client of a network file system may still list it.
            }
        var own = In(Stagings[..^1] + Guid.NewGuid().ToString("n")[..12]);
        Disk.MakeFolder(own);
        var taken = new RunFolder(Path, own);
        // Of two folders that exist, the second process to look finds the other's, so at most one continues.
        if (StagingsOf(Path).Any(other => other != own && !other.EndsWith(Gone, StringComparison.Ordinal)))
        {
            taken.Release();
            throw new FencedException("another process has taken over this run at the same time");
        }
        taken.Fence();
        return taken;
    }

    void MoveAway(string left)
    {
        // Moved first, because files could still be renamed out of the folder while it is deleted.
        var gone = left.EndsWith(Gone, StringComparison.Ordinal) ? left : left + Gone;
        if (gone != left)
            Disk.MoveFolder(left, gone);
        foreach (var previous in Disk.Folders(gone, "*" + Previous))
            if (In(System.IO.Path.GetFileName(previous)[..^Previous.Length]) is { } current && !Disk.HasFolder(current))
                Disk.MoveFolder(previous, current);
        Disk.DeleteFolder(gone);
    }

    /// <summary>Whether this process has the run: it has taken it, and no other process has since. The file server is asked by a new file, because a client may
    /// remember for a while that a folder is there.</summary>
    public bool Holds()
    {
        if (staging is null)
            return false;
        var probe = Staged(".held");
        try
        {
            using (Disk.Create(probe)) { }
            Disk.DeleteFile(probe);
            return true;
        }
        catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException)
        {
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The disk is full, or this user may no longer write there.
            return Disk.HasFolder(staging);
        }
    }

    /// <summary>Deletes the staging folder of <see cref="Taken"/>.</summary>
    public void Release()
    {
        if (staging is not null && Disk.HasFolder(staging))
            Disk.DeleteFolder(staging);
    }

    /// <exception cref="FencedException">Another process has taken over the run.</exception>
    void Fence()
    {
        if (staging is not null && !Disk.HasFolder(staging))
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
        Disk.MakeNewFolder(next);
        AtomicFile.Reached?.Invoke("made");
        fill(next);
        AtomicFile.Reached?.Invoke("filled");
        foreach (var file in Disk.Tree(next))
            Disk.SyncFile(file);
        Disk.SyncFolder(next);
        AtomicFile.Reached?.Invoke("on the disk");
        if (Disk.HasFolder(current))
            Disk.MoveFolder(current, previous);
        AtomicFile.Reached?.Invoke("moved away");
        Disk.MoveFolder(next, current);
        AtomicFile.Reached?.Invoke("moved in");
        Disk.SyncFolder(Path);
        if (Disk.HasFolder(previous))
            Disk.DeleteFolder(previous);
    }

    /// <summary>Finishes an interrupted <see cref="Replace"/>: afterwards <c>name</c> is the newest complete version, if there is one.</summary>
    /// <returns>Whether the folder exists.</returns>
    public bool Settle(string name)
    {
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        if (Disk.HasFolder(next))
            Disk.DeleteFolder(next);
        if (!Disk.HasFolder(current) && Disk.HasFolder(previous))
            Disk.MoveFolder(previous, current);
        else if (Disk.HasFolder(previous))
            Disk.DeleteFolder(previous);
        return Disk.HasFolder(current);
    }
}
