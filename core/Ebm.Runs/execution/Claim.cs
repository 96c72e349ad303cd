using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Another process is executing the run.</summary>
public sealed class TakenException(string folder) : Exception($"{folder}: another process is executing this run; wait for it, or stop it.");

/// <summary>
/// The claim of one process on a run, by the lease on its file .claim. A process that is suspended for too long loses the claim without noticing:
/// it writes through the folder that the claim took, and those writes fail once another process has claimed the run.
/// </summary>
public sealed class Claim : IDisposable
{
    readonly Lease lease;

    /// <exception cref="TakenException">Another process is executing the run.</exception>
    public Claim(RunFolder folder)
        : this(folder.Path, () => folder) { }

    /// <summary>Claims a run before creating its folder: two processes that create it at the same time would delete each other's files.</summary>
    /// <param name="path">The path of the run's folder, which need not exist.</param>
    /// <param name="make">Creates the folder.</param>
    /// <exception cref="TakenException">Another process is executing the run.</exception>
    public Claim(string path, Func<RunFolder> make)
    {
        Disk.MakeFolder(path);
        var before = RunFolder.StagingsOf(path);
        lease = Lease.Take(PathOf(path)) ?? throw new TakenException(path);
        try
        {
            Folder = make().Taken(before);
            lease.While(Folder.Holds);
        }
        catch (FencedException)
        {
            // The name of the process that has the run may have been in the lease.
            lease.Return();
            throw new TakenException(path);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>The run's folder, for writing.</summary>
    public RunFolder Folder { get; }

    static string PathOf(string folder) => Path.Combine(folder, ".claim");

    /// <summary>Whether a process has claimed the run, on this or another machine. Writes nothing.</summary>
    public static bool IsHeld(string folder) => Lease.IsHeld(PathOf(folder));

    /// <summary>Releases the claim.</summary>
    public void Dispose()
    {
        var holds = Folder.Holds();
        // A renewal asks by a new file in the folder that is deleted next.
        lease.While(() => false);
        Folder.Release();
        if (holds)
            lease.Dispose();
        else
            lease.Return();
    }
}
