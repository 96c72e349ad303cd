using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebm.Core;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// The compiled program that executes one run: ebm-runner exec &lt;run folder&gt;. On standard output it says how far it is, a line at a
/// time: "progress &lt;done&gt; &lt;of&gt; &lt;train|sample|measure&gt;", and at the end "ended &lt;state&gt;". In the run's folder stdout.log has those lines
/// with the time, and stderr.log whatever went wrong, native libraries included. Exit codes: 0 completed; 1 diverged or failed;
/// 2 usage or config; 75 another process is at work on the run; 130, 138, 143 stopped by SIGINT, SIGUSR1, SIGTERM with a checkpoint, or
/// by the end of the process that started it.
/// </summary>
static class Program
{
    const string Usage = """
        ebm-runner exec    <run folder> [--data DIR] [--with my.dll]… [--afresh]
        ebm-runner measure <run folder> [--data DIR] [--with my.dll]… [--config FILE]
        ebm-runner task    <tasks.jsonl> <number> [--data DIR] [--with my.dll]…
        ebm-runner serve   [--data DIR] [--with my.dll]…
        ebm-runner libraries

        exec     executes the run whose config.yaml lies in the folder; one that was stopped goes on, a completed one stays as it is.
                 --afresh discards what is there.
        task     executes the runs of one line, counted from 0, one after the other: what a scheduler's array of tasks starts.
        serve    executes the runs that standard input names, a line each, "exec <run folder>" with tabs between the words and --afresh behind
                 where that is meant, and says "next" after each; its end is the end.
        measure  draws and measures a completed run again, without training. --config names a config whose group `measure` is to be used.
        libraries  loads libtorch, and says which files are used.
        --data   where data sets lie; the variable EBM_DATA, or else the folder `data`, unless said.
        --with   an assembly with further methods, data sets or metrics.
        --until  exec: interrupts training after this step, for an audit's comparison.
        --launch what a sweep wrote down of its launch, for the manifest.
        """;

    /// <summary>EX_TEMPFAIL of sysexits.h: nothing is wrong, only not now.</summary>
    const int Taken = 75;

    static int Main(string[] arguments)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            return arguments switch
            {
                ["exec", var folder, .. var rest] => Exec(RunFolder.Open(folder), Options.Of(rest, "--afresh")),
                ["measure", var folder, .. var rest] => Measure(RunFolder.Open(folder), Options.Of(rest, "--config")),
                ["task", var file, var number, .. var rest] => Task(
                    file,
                    int.Parse(number, CultureInfo.InvariantCulture),
                    Options.Of(rest, "")
                ),
                ["serve", .. var rest] => Serve(Options.Of(rest, "")),
                ["libraries"] => Libraries(),
                ["help"] or ["--help"] or ["-h"] => Say(Usage, 0),
                [] => Complain("which run? " + Usage),
                _ => Complain($"\"{string.Join(' ', arguments)}\" is not known here.\n{Usage}"),
            };
        }
        catch (TakenException error)
        {
            Complain(error.Message);
            return Taken;
        }
        catch (Exception error)
            when (error
                    is ConfigException
                        or SettingException
                        or UsageException
                        or DirectoryNotFoundException
                        or InvalidDataException
                        or DeviceException
            )
        {
            return Complain(error.Message);
        }
    }

    /// <summary>Further runs follow unless this process was asked to stop.</summary>
    static int Task(string file, int number, Options options)
    {
        using var task = JsonDocument.Parse(File.ReadLines(file).ElementAt(number));
        var afresh = task.RootElement.GetProperty("afresh").GetBoolean();
        var code = 0;
        foreach (var run in task.RootElement.GetProperty("runs").EnumerateArray())
        {
            var folder = RunFolder.Open(run.GetString()!);
            // A task that was requeued goes on from its checkpoint.
            code = Math.Max(code, Exec(folder, options with { Afresh = afresh && folder.State == RunState.Pending }, alone: true));
            if (code >= 128)
                break;
        }
        return code;
    }

    /// <summary>A run that was asked to stop is the last.</summary>
    static int Serve(Options options)
    {
        // Between runs the end of standard input says that nobody is left; the signal for it would kill.
        using var deaf = PosixSignalRegistration.Create(Stop.ParentGone, context => context.Cancel = true);
        while (Console.In.ReadLine() is { } line)
        {
            var words = line.Split('\t');
            if (words is not (["exec", _] or ["exec", _, "--afresh"]))
                return Complain($"\"{line}\" names no run: exec, a tab, and its folder.");
            var code = Exec(RunFolder.Open(words[1]), options with { Afresh = words.Length == 3 });
            if (code >= 128)
                return code;
            Say("next", 0);
        }
        return 0;
    }

    static int Exec(RunFolder folder, Options options, bool alone = false)
    {
        using var stop = new Stop();
        if (!alone)
            stop.WithParent();
        using var log = new Log(folder);
        using var execution = new Execution(folder, Catalog.Load(options.With), options.Data, stop, log, options.Launched)
        {
            Until = options.Until,
        };
        if (!execution.Begin(options.Afresh))
            return Say("ended completed", 0);
        log.Open();
        var ended = execution.Run(log.Failure);
        log.Ended(ended);
        return ended.ExitCode!.Value;
    }

    static int Measure(RunFolder folder, Options options)
    {
        if (folder.State != RunState.Completed)
            return Complain($"{folder}: only a completed run can be measured again; this one is {Kebab.Of(folder.State)}.");
        var measure = options.Config is { } file ? Document.Read(file).Get("measure") : null;
        using var stop = new Stop();
        stop.WithParent();
        using var log = new Log(folder);
        using var execution = new Execution(folder, Catalog.Load(options.With), options.Data, stop, log, null, measure);
        log.Open();
        try
        {
            log.Ended(execution.Measure());
            return 0;
        }
        catch (Exception error)
        {
            // Whatever it is, it is said in full in stderr.log, and the run is what it was.
            log.Failure(error);
            return 1;
        }
    }

    static int Libraries()
    {
        Natives.Load();
        var adapted = Natives.Copy is { } copy
            ? $"; this machine's libstdc++ lacks {copy.Version}, which nothing in TorchSharp's native file uses, so a copy that loads without it is used: "
                + $"{copy.OriginalSha256[..12]} → {copy.Sha256[..12]}"
            : "";
        return Say($"libtorch {Natives.Version} loads ({Machine.Capability ?? "unknown"} kernels){adapted}", 0);
    }

    static int Say(string text, int code)
    {
        Console.Out.WriteLine(text);
        return code;
    }

    static int Complain(string text)
    {
        Console.Error.WriteLine(text);
        return 2;
    }
}

/// <summary>Something on the command line that cannot be meant.</summary>
sealed class UsageException(string says) : Exception(says);

/// <summary>What follows the run's folder on the command line.</summary>
sealed record Options(string Data, IReadOnlyList<string> With, bool Afresh, string? Config, string? Launch, long? Until)
{
    public LaunchRecord? Launched => Launch is { } file ? LaunchRecord.Read(file) : null;

    /// <param name="own">The one option that only this verb has.</param>
    public static Options Of(string[] words, string own) => Add(new Options(Experiment.DataRoot, [], false, null, null, null), words, own);

    static Options Add(Options options, string[] words, string own) =>
        words switch
        {
            [] => options,
            ["--data", var folder, .. var rest] => Add(options with { Data = folder }, rest, own),
            ["--with", var assembly, .. var rest] => Add(options with { With = [.. options.With, assembly] }, rest, own),
            ["--launch", var file, .. var rest] => Add(options with { Launch = file }, rest, own),
            ["--until", var step, .. var rest] when own == "--afresh" && long.TryParse(step, CultureInfo.InvariantCulture, out var until) =>
                Add(options with { Until = until }, rest, own),
            ["--afresh", .. var rest] when own == "--afresh" => Add(options with { Afresh = true }, rest, own),
            ["--config", var file, .. var rest] when own == "--config" => Add(options with { Config = file }, rest, own),
            _ => throw new UsageException($"\"{string.Join(' ', words)}\": an option is --data DIR, --with my.dll, --launch FILE or {own}"),
        };
}
