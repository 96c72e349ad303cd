using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The states of one attempt at a run, in its manifest: it begins as running, unless the run is completed, and ends once. <see cref="Execution"/>
/// computes between the two.
/// </summary>
/// <param name="folder">The run's folder of the <see cref="Claim"/>.</param>
public sealed class Attempt(RunFolder folder)
{
    /// <summary>The last attempt, whose state may be pending; null for the first one.</summary>
    public RunManifest? Last { get; private set; }

    /// <summary>The attempts that have begun, first to last.</summary>
    public IReadOnlyList<RunManifest> Earlier { get; private set; } = [];

    /// <summary>Results and checkpoint of earlier attempts are discarded.</summary>
    public bool IsAfresh { get; private set; }

    /// <summary>Finds the attempts before this one.</summary>
    /// <param name="afresh">Discards results and checkpoint, even of a completed run.</param>
    /// <returns>False if the run is completed and nothing is left to do.</returns>
    public bool Follows(bool afresh = false)
    {
        // A launcher may already have moved the last one away.
        var now = folder.Manifest;
        Last = now ?? folder.Attempts().LastOrDefault();
        if (Last is { State: RunState.Completed } && !afresh)
            return false;
        Earlier = now is null or { State: RunState.Pending } ? folder.Attempts() : [.. folder.Attempts(), now];
        // A diverged run would diverge again from its checkpoint.
        IsAfresh = afresh || Earlier is [.., { State: RunState.Diverged }];
        return true;
    }

    /// <summary>Discards what this attempt does not resume from.</summary>
    /// <returns>The step of the last attempt, or 0.</returns>
    public long Clear()
    {
        if (IsAfresh)
            folder.Discard();
        return IsAfresh || Earlier is not [.., var before] ? 0 : before.Step;
    }

    /// <summary>The number of this attempt; manifest and logs of the last one are moved away, unless it is the one that waited for this.</summary>
    public int Number() => Last is { State: RunState.Pending } ? Last.Attempt : folder.NextAttempt();
}
