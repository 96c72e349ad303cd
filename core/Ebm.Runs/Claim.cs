using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Another process is at work on the run.</summary>
public sealed class TakenException(string folder)
    : Exception($"{folder}: another process is at work on this run; wait for it, or stop it.");

/// <summary>A later attempt of the same run has begun elsewhere: this one publishes nothing any more.</summary>
public sealed class FencedException(string says) : Exception(says);

/// <summary>
/// A run is claimed by one process at a time, by the lease on its file .claim. The number of the attempt is the fence: a process that was
/// thought dead, and wakes up after another attempt began, may not publish.
/// </summary>
public sealed class Claim : IDisposable
{
    readonly RunFolder folder;
    readonly Lease lease;

    /// <exception cref="TakenException">Another process is at work on the run.</exception>
    public Claim(RunFolder folder)
    {
        this.folder = folder;
        lease = LeaseOf(folder.Path);
    }

    /// <summary>The lease alone, for whoever makes the run's folder.</summary>
    /// <exception cref="TakenException">Another process is at work on the run.</exception>
    public static Lease LeaseOf(string folder)
    {
        Directory.CreateDirectory(folder);
        return Lease.Take(PathOf(folder)) ?? throw new TakenException(folder);
    }

    static string PathOf(string folder) => Path.Combine(folder, ".claim");

    /// <summary>Whether a process is at work on a run, here or on another machine. Writes nothing.</summary>
    public static bool IsHeld(string folder) => Lease.IsHeld(PathOf(folder));

    /// <summary>Whether an attempt is still the last one.</summary>
    public bool Holds(int attempt) => folder.Manifest is not { } there || there.Attempt <= attempt;

    /// <exception cref="FencedException">A later attempt has begun.</exception>
    public void Hold(int attempt)
    {
        if (!Holds(attempt))
            throw new FencedException($"another attempt of this run has begun elsewhere, so attempt {attempt} publishes nothing");
    }

    /// <summary>Gives the run back.</summary>
    public void Dispose() => lease.Dispose();
}
