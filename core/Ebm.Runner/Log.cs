using System.Diagnostics;
using System.Globalization;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// Where a run says what it does: its progress on standard output, for whoever started it, and with the time in stdout.log; what went
/// wrong in stderr.log. Both of the process's own streams are led into these files, so that whatever a method prints, and the last words
/// of native code, are found there too, and are not mistaken for what the run says.
/// </summary>
sealed class Log(RunFolder folder) : IAudience, IDisposable
{
    readonly Stopwatch clock = Stopwatch.StartNew();
    LedFile? output,
        errors;
    Phase? phase;

    /// <summary>Once earlier attempts have made way.</summary>
    public void Open()
    {
        output = new LedFile(folder.In("stdout.log"), 1);
        errors = new LedFile(folder.In("stderr.log"), 2);
    }

    /// <summary>Gives the streams back: another run may follow in this process.</summary>
    public void Dispose()
    {
        output?.Dispose();
        errors?.Dispose();
    }

    public void Progress(Progress at)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"progress {at.Done} {at.Of} {Kebab.Of(at.Phase)}");
        Say(line);
        // The log keeps the outline: each phase, once when it begins and once when it ends.
        if (at.Phase != phase || at.Done == at.Of)
            Write(line);
        phase = at.Phase;
    }

    public void Note(string line) => Write(line);

    /// <summary>An exception in full in stderr.log, and its sentence for whoever started the run.</summary>
    public void Failure(Exception error)
    {
        errors?.Write(error.ToString());
        errors?.Tell($"{(error is ConfigException ? "" : $"{folder}: ")}{error.Message}");
    }

    public void Ended(RunManifest manifest)
    {
        var line = $"ended {Kebab.Of(manifest.State)}{(manifest.Reason is { } reason ? $": {reason.ReplaceLineEndings(" ")}" : "")}";
        Say(line);
        Write(line);
    }

    void Say(string line) => output?.Tell(line);

    void Write(string line) => output?.Write(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds, 8:F1} s  {line}"));
}
