namespace Ebm.Records;

/// <summary>
/// The states of a run, in the order in which tables count them. <see cref="Kebab"/> has the words that <c>manifest.json</c> and the tables use.
/// Only <see cref="Completed"/> counts as a result.
/// </summary>
public enum RunState
{
    /// <summary>Never run: no folder yet.</summary>
    Planned,

    /// <summary>Waits for a worker.</summary>
    Pending,

    Running,

    Completed,

    /// <summary>Ended by the detector of divergence, or by numbers of which linear algebra makes nothing: an outcome, with its step and its reason.</summary>
    Diverged,

    /// <summary>An exception, an exit code, a signal, no memory.</summary>
    Failed,

    Timeout,

    /// <summary>Ended early by a rule; keeps its partial curve, enters no mean.</summary>
    Pruned,

    /// <summary>Stopped by the scheduler after a checkpoint; goes on from there.</summary>
    Preempted,

    /// <summary>Stopped by the user; goes on at the next launch.</summary>
    Interrupted,

    /// <summary>Said to be running, but its process is gone.</summary>
    Lost,

    /// <summary>Completed, with code, data or libraries that have changed since: seen when asked for, never stored.</summary>
    Stale,

    /// <summary>Rejected when the sweep was planned.</summary>
    Invalid,
}

/// <summary>What follows from a run's state.</summary>
public static class RunStates
{
    /// <summary>True for what the same command does not run again: completed, diverged and pruned runs.</summary>
    public static bool IsSettled(RunState state) => state is RunState.Completed or RunState.Diverged or RunState.Pruned;

    /// <summary>True once an attempt has ended, in whichever way: its files do not change any more.</summary>
    public static bool IsOver(RunState state) => state is not (RunState.Pending or RunState.Running);
}
