using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// Where a run says what it does: its progress on standard output, for whoever started it, and with the time in stdout.log; what went
/// wrong in stderr.log, where the process's own standard error is led, so that the last words of native code are found there too.
/// </summary>
sealed class Log(RunFolder folder) : IAudience, IDisposable
{
    readonly Stopwatch clock = Stopwatch.StartNew();
    StreamWriter? lines;
    FileStream? errors;
    int terminal = StandardError;
    string phase = "";

    /// <summary>Once earlier attempts have made way.</summary>
    public void Open()
    {
        lines = new StreamWriter(new FileStream(folder.In("stdout.log"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
        {
            AutoFlush = true,
        };
        errors = new FileStream(folder.In("stderr.log"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        terminal = dup(StandardError);
        if (terminal < 0 || dup2((int)errors.SafeFileHandle.DangerousGetHandle(), StandardError) < 0)
            throw new IOException($"{errors.Name}: standard error cannot be led there: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Gives standard error back: another run may follow in this process.</summary>
    public void Dispose()
    {
        if (errors is null)
            return;
        Console.Error.Flush();
        dup2(terminal, StandardError);
        close(terminal);
        errors.Dispose();
        lines?.Dispose();
    }

    public void Progress(Progress at)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"progress {at.Done} {at.Of} {at.Phase}");
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
        Console.Error.WriteLine(error);
        Console.Error.Flush();
        var sentence = Encoding.UTF8.GetBytes($"{(error is ConfigException ? "" : $"{folder}: ")}{error.Message}\n");
        // Nobody may be left to read it; the folder has it all the same.
        _ = write(terminal, sentence, (nuint)sentence.Length);
    }

    public void Ended(RunManifest manifest)
    {
        var line = $"ended {manifest.State}{(manifest.Reason is { } reason ? $": {reason.ReplaceLineEndings(" ")}" : "")}";
        Say(line);
        Write(line);
    }

    // Whoever read our output may be gone; the run is not theirs to break.
    static void Say(string line)
    {
        try
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
        catch (IOException)
        {
            Console.SetOut(TextWriter.Null);
        }
    }

    void Write(string line) =>
        lines?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds, 8:F1} s  {line}"));

    const int StandardError = 2;

    [DllImport("libc", SetLastError = true)]
    static extern int dup(int handle);

    [DllImport("libc")]
    static extern int close(int handle);

    [DllImport("libc")]
    static extern nint write(int handle, byte[] bytes, nuint count);

    [DllImport("libc", SetLastError = true)]
    static extern int dup2(int from, int to);
}
