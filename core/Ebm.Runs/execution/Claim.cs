using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Another process is at work on the run.</summary>
public sealed class TakenException(string folder)
    : Exception($"{folder}: another process is at work on this run; wait for it, or stop it.");

/// <summary>
/// A run is claimed by one process at a time, by the lease on its file .claim. Who is thought dead while it sleeps loses the claim, and
/// cannot know: what it writes goes through the folder that the claim took, and fails once another process has claimed the run.
/// </summary>
public sealed class Claim : IDisposable
{
    readonly Lease lease;

    /// <exception cref="TakenException">Another process is at work on the run.</exception>
    public Claim(RunFolder folder)
        : this(folder.Path, () => folder) { }

    /// <summary>Claims a run before its folder is made: two that make it at once would sweep each other's files away.</summary>
    /// <param name="path">Where the run's folder is, or will be.</param>
    /// <param name="make">Makes it.</param>
    /// <exception cref="TakenException">Another process is at work on the run.</exception>
    public Claim(string path, Func<RunFolder> make)
    {
        Directory.CreateDirectory(path);
        lease = Lease.Take(PathOf(path)) ?? throw new TakenException(path);
        try
        {
            Folder = make().Taken();
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>The run's folder, to write into.</summary>
    public RunFolder Folder { get; }

    static string PathOf(string folder) => Path.Combine(folder, ".claim");

    /// <summary>Whether a process is at work on a run, here or on another machine. Writes nothing.</summary>
    public static bool IsHeld(string folder) => Lease.IsHeld(PathOf(folder));

    /// <summary>Gives the run back.</summary>
    public void Dispose()
    {
        Folder.Release();
        lease.Dispose();
    }
}
