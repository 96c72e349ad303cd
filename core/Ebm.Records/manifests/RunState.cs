namespace Ebm.Records;

/// <summary>
/// The states of a run, in the order of tables. <see cref="Kebab"/> gives the words used in <c>manifest.json</c> and tables. Only <see
/// cref="Completed"/> counts as a result.
/// </summary>
public enum RunState
{
    /// <summary>Not started: no folder yet.</summary>
    Planned,

    /// <summary>Waits for a worker.</summary>
    Pending,

    Running,

    Completed,

    /// <summary>Ended by the divergence check or by a failure of linear algebra: an outcome, with its step and reason.</summary>
    Diverged,

    /// <summary>Ended by an exception, an exit code, a signal, or lack of memory.</summary>
    Failed,

    Timeout,

    /// <summary>Ended early by a rule; its partial curve is kept, but it is not part of any mean.</summary>
    Pruned,

    /// <summary>Stopped by the scheduler after a checkpoint; can be resumed.</summary>
    Preempted,

    /// <summary>Stopped by the user; the next launch resumes it.</summary>
    Interrupted,

    /// <summary>Recorded as running, but its process has ended.</summary>
    Lost,

    /// <summary>Completed, but code, data or libraries have changed since; computed on request, never stored.</summary>
    Stale,

    /// <summary>Rejected when the sweep was planned.</summary>
    Invalid,
}

/// <summary>Properties of run states.</summary>
public static class RunStates
{
    /// <summary>True for states that the same command does not run again: completed, diverged and pruned.</summary>
    public static bool IsSettled(RunState state) => state is RunState.Completed or RunState.Diverged or RunState.Pruned;

    /// <summary>True if the attempt has ended in any way: its files do not change any more.</summary>
    public static bool IsOver(RunState state) => state is not (RunState.Pending or RunState.Running);
}
