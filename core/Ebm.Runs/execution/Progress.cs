using System.Diagnostics;

namespace Ebm.Runs;

/// <summary>The phase of a run.</summary>
public enum Phase
{
    Train,
    Sample,
    Measure,
}

/// <summary>The progress of a run.</summary>
/// <param name="Done">Steps of training (or units, if the budget is nearer its end), rows drawn, or metrics computed.</param>
/// <param name="Of">The total number.</param>
public sealed record Progress(long Done, long Of, Phase Phase)
{
    /// <summary>Always reports the start and end of each phase; between them reports at most once per pause.</summary>
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

/// <summary>Receives the progress of a run, on the run's own thread.</summary>
public interface IAudience
{
    void Progress(Progress at);

    /// <summary>A line for the log.</summary>
    void Note(string line);
}
