using System.Diagnostics;
using System.Globalization;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// The log of a run: progress goes to standard output and, with the time, to stdout.log; errors go to stderr.log. Both standard streams of the
/// process are redirected to these files, so that they also receive the output of methods and native code, which must not be mistaken for progress
/// lines. The standard output of a scheduler's task is a file, which gets the end of each run alone.
/// </summary>
sealed class Log(RunFolder folder, bool isTask = false) : IAudience, IDisposable
{
    readonly Stopwatch clock = Stopwatch.StartNew();
    LedFile? output,
        errors;
    Phase? phase;

    /// <summary>Opens the log, after earlier attempts have been moved away.</summary>
    public void Open()
    {
        output = new LedFile(folder.In("stdout.log"), 1);
        errors = new LedFile(folder.In("stderr.log"), 2);
    }

    /// <summary>Restores the streams, because another run may follow in this process. A method or a library may have written a secret.</summary>
    public void Dispose()
    {
        output?.Dispose();
        errors?.Dispose();
        if (output is null)
            return;
        Secrets.Here.Mask(folder.In("stdout.log"));
        Secrets.Here.Mask(folder.In("stderr.log"));
    }

    public void Progress(Progress at)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"progress {at.Done} {at.Of} {Kebab.Of(at.Phase)}");
        if (!isTask)
            Say(line);
        // The log contains only the start and the end of each phase.
        if (at.Phase != phase || at.Done == at.Of)
            Write(line);
        phase = at.Phase;
    }

    public void Note(string line) => Write(line);

    /// <summary>Writes an exception in full to stderr.log, and its message to the original standard error. An error of the config has its place in the
    /// message, so that of the code is left out.</summary>
    public void Failure(Exception error)
    {
        errors?.Write(Secrets.Here.Masked(error is ConfigException ? error.Message : error.ToString()));
        errors?.Tell(Secrets.Here.Masked($"{(error is ConfigException ? "" : $"{folder}: ")}{error.Message}"));
    }

    public void Ended(RunManifest manifest)
    {
        var line = $"ended {Kebab.Of(manifest.State)}{(manifest.Reason is { } reason ? $": {reason.ReplaceLineEndings(" ")}" : "")}";
        Say(isTask ? $"{folder.Id} {line}" : line);
        Write(line);
    }

    void Say(string line) => output?.Tell(line);

    void Write(string line) =>
        output?.Write(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds, 8:F1} s  {Secrets.Here.Masked(line)}"));
}
