using System.Diagnostics;

namespace Ebm.Runs;

/// <summary>What a run is at.</summary>
public enum Phase
{
    Train,
    Sample,
    Measure,
}

/// <summary>How far a run is.</summary>
/// <param name="Done">Steps of training (units, where the budget is nearer its end), rows drawn, or metrics taken.</param>
/// <param name="Of">How many there will be.</param>
public sealed record Progress(long Done, long Of, Phase Phase)
{
    /// <summary>The first and last of each phase are told always, those between no more often than once in a while.</summary>
    internal static Action<Progress> Seldom(Action<Progress> report, TimeSpan pause)
    {
        var since = Stopwatch.StartNew();
        Phase? phase = null;
        return progress =>
        {
            if (progress.Phase == phase && progress.Done < progress.Of && since.Elapsed < pause)
                return;
            phase = progress.Phase;
            since.Restart();
            report(progress);
        };
    }
}

/// <summary>Who is told how a run goes, on the run's own thread.</summary>
public interface IAudience
{
    void Progress(Progress at);

    /// <summary>A line for the log.</summary>
    void Note(string line);
}
