namespace Ebm.Records;

/// <summary>
/// The states of a run, as <c>manifest.json</c> and the tables spell them. Only <see cref="Completed"/> counts as a result.
/// </summary>
public static class RunState
{
    /// <summary>Never run: no folder yet.</summary>
    public const string Planned = "planned";

    /// <summary>Waits for a worker.</summary>
    public const string Pending = "pending";

    public const string Running = "running";

    public const string Completed = "completed";

    /// <summary>Ended by the detector of divergence, or by numbers of which linear algebra makes nothing: an outcome, with its step and its reason.</summary>
    public const string Diverged = "diverged";

    /// <summary>An exception, an exit code, a signal, no memory.</summary>
    public const string Failed = "failed";

    public const string Timeout = "timeout";

    /// <summary>Ended early by a rule; keeps its partial curve, enters no mean.</summary>
    public const string Pruned = "pruned";

    /// <summary>Stopped by the scheduler after a checkpoint; goes on from there.</summary>
    public const string Preempted = "preempted";

    /// <summary>Stopped by the user; goes on at the next launch.</summary>
    public const string Interrupted = "interrupted";

    /// <summary>Said to be running, but its process is gone.</summary>
    public const string Lost = "lost";

    /// <summary>Completed, with code, data or libraries that have changed since: seen when asked for, never stored.</summary>
    public const string Stale = "stale";

    /// <summary>Rejected when the sweep was planned.</summary>
    public const string Invalid = "invalid";

    /// <summary>Every state in the order in which tables count them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [Planned, Pending, Running, Completed, Diverged, Failed, Timeout, Pruned, Preempted, Interrupted, Lost, Stale, Invalid];

    /// <summary>True for what the same command does not run again: completed, diverged and pruned runs.</summary>
    public static bool IsSettled(string state) => state is Completed or Diverged or Pruned;
}
