using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebm.Core;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// The program that executes one run: ebm-runner exec &lt;run folder&gt;. It prints progress to standard output, one line at a time: "progress
/// &lt;done&gt; &lt;of&gt; &lt;train|sample|measure&gt;", and at the end "ended &lt;state&gt;". In the run's folder, stdout.log has those lines
/// with the time, and stderr.log has all errors, including those of native libraries. Exit codes: 0 completed; 1 diverged or failed; 2 usage or
/// config; 75 another process is executing the run; 130, 138, 143 stopped with a checkpoint by SIGINT, SIGUSR1, SIGTERM, or by the end of the
/// process that started it.
/// </summary>
static class Program
{
    static readonly Option Data = new("--data", "DIR", "the folder of data sets (default: the variable EBM_DATA, else data)"),
        With = new("--with", "my.dll", "an assembly with additional methods, data sets or metrics; may be repeated"),
        Launch = new("--launch", "FILE", "the launch record of a sweep, for the manifest"),
        Afresh = new("--afresh", "", "discards existing results and checkpoints"),
        Until = new("--until", "STEP", "interrupts training after this step, for an audit's comparison"),
        Config = new("--config", "FILE", "a config with the group `measure` to use");

    static readonly Verb[] Verbs =
    [
        new(
            "exec",
            ["<run folder>"],
            "executes the run whose config.yaml is in the folder; resumes a stopped run, and does nothing for a completed one",
            [Data, With, Launch, Afresh, Until],
            given => Exec(RunFolder.Open(given.Words[0]), given, given.Has(Afresh))
        ),
        new(
            "measure",
            ["<run folder>"],
            "samples and measures a completed run again, without training",
            [Data, With, Config],
            given => Measure(RunFolder.Open(given.Words[0]), given)
        ),
        new(
            "task",
            ["<tasks.jsonl>", "<number>"],
            "executes the runs of one line, counted from 0, one after the other; for tasks of a scheduler's array job",
            [Data, With, Launch],
            given => Task(given.Words[0], (int)Math.Min(int.MaxValue, Whole(given.Words[1])), given)
        ),
        new(
            "serve",
            [],
            "executes the runs named on standard input, one per line: exec, the run folder, and optionally --afresh, separated by tabs; "
                + "prints \"next\" after each, and ends when the input ends",
            [Data, With, Launch],
            Serve
        ),
        new("libraries", [], "loads libtorch, and prints which files it uses", [], _ => Libraries()),
        new("help", [], "prints this page", [], _ => Say(string.Join('\n', Verbs!.Select(verb => verb.Usage)), 0)),
    ];

    /// <summary>EX_TEMPFAIL of sysexits.h: a temporary condition, not an error.</summary>
    public const int Taken = 75;

    /// <summary>SIGUSR1: schedulers send it before a time limit.</summary>
    const int BeforeLimit = 10;

    static int Main(string[] arguments)
    {
        if (arguments is ["exec" or "measure" or "task" or "serve", ..] && !Mpi.IsLaunched)
            GetReady();
        Stop.HearInterrupts();
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var code = Command.Run(() => Perform(arguments));
        // Otherwise this rank ends by an error that the others do not know, and would wait for them for ever; the launcher ends them.
        if (mayLeave)
            mpi.Value.Dispose();
        return code;
    }

    static void GetReady()
    {
        Natives.LoadAhead();
        Ahead.Start();
    }

    static int Perform(string[] arguments) =>
        Refusing(() =>
        {
            var name = arguments switch
            {
                [] => throw new UsageException("A verb is missing; `ebm-runner help` lists the verbs."),
                ["--help" or "-h", ..] => "help",
                _ => arguments[0],
            };
            var verb =
                Array.Find(Verbs, verb => verb.Name == name)
                ?? throw new UsageException($"Unknown verb {name}. Known verbs: {string.Join(", ", Verbs.Select(verb => verb.Name))}.");
            return verb.Perform(Given.Read(verb, arguments[1..]));
        });

    /// <summary>The exit code, also of an error that is the user's or another process's.</summary>
    static int Refusing(Func<int> perform)
    {
        try
        {
            return perform();
        }
        catch (TakenException error)
        {
            Command.Refuse(error.Message);
            return Taken;
        }
        catch (Exception error) when (error is SettingException or UsageException or DirectoryNotFoundException or DeviceException)
        {
            return Command.Refuse(error.Message);
        }
    }

    /// <summary>Executes further runs unless this process was asked to stop.</summary>
    static int Task(string file, int number, Given given)
    {
        var line =
            RegularFile.Lines(file).ElementAtOrDefault(number)
            ?? throw new UsageException($"{file} has no line {number}; its lines are counted from 0.");
        using var task = TaskOf(line, file, number);
        var afresh = task.RootElement.GetProperty("afresh").GetBoolean();
        var code = 0;
        foreach (var run in task.RootElement.GetProperty("runs").EnumerateArray())
        {
            // A run that cannot be executed does not keep the others from it.
            code = Math.Max(code, Command.Run(() => Refusing(() => InTask(RunFolder.Open(run.GetString()!), given, afresh))));
            if (code >= 128)
                break;
        }
        return code;
    }

    /// <summary>Executes a run of a task. A task that is requeued resumes it from its checkpoint, unless two attempts in a row ended at the same
    /// step: the first one may have been the last run of its task, with little time.</summary>
    static int InTask(RunFolder folder, Given given, bool afresh)
    {
        if (
            folder.Manifest is { State: RunState.Preempted, Signal: BeforeLimit } last
            && folder.Attempts().LastOrDefault() is { State: RunState.Preempted, Signal: BeforeLimit } before
            && last.Step <= before.Step
        )
        {
            using var claim = new Claim(folder);
            const string reason = "two attempts ended at the same step before the scheduler's time limit; give it more time";
            claim.Folder.Write(last.Ended(RunState.Timeout, last.Step, reason, 1));
            return Command.Refuse($"{folder}: {reason}.");
        }
        return WhenFree(() => Exec(folder, given, afresh && folder.State == RunState.Pending, alone: true));
    }

    /// <summary>
    /// Waits while another process executes the run. A node that failed holds its lease until that expires, and the scheduler may have started this task
    /// on another node before.
    /// </summary>
    static int WhenFree(Func<int> exec)
    {
        var waited = Stopwatch.StartNew();
        while (true)
            try
            {
                return exec();
            }
            catch (TakenException) when (waited.Elapsed < Lease.Lasts + Lease.Lasts / 2)
            {
                Thread.Sleep(TimeSpan.FromSeconds(1));
            }
    }

    static JsonDocument TaskOf(string line, string file, int number)
    {
        try
        {
            var task = JsonText.Parse(line);
            _ = task.RootElement.GetProperty("afresh").GetBoolean();
            foreach (var run in task.RootElement.GetProperty("runs").EnumerateArray())
                _ = run.GetString() ?? throw new FormatException("a run's folder is null");
            return task;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"{file}, line {number + 1}: not a task: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>Ends after a run that was asked to stop.</summary>
    static int Serve(Given given)
    {
        // Between runs, the end of standard input shows that the parent has ended; its signal would kill this process.
        using var deaf = PosixSignalRegistration.Create(Stop.ParentGone, context => context.Cancel = true);
        while (Console.In.ReadLine() is { } line)
        {
            var words = line.Split('\t');
            if (words is not (["exec", not ""] or ["exec", not "", "--afresh"]))
                return Command.Refuse($"\"{line}\" is not a valid line: write exec, a tab, and the folder of a run.");
            var code = Exec(RunFolder.Open(words[1]), given, afresh: words.Length == 3);
            if (code >= 128)
                return code;
            // The next run finds no memory of this one.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            FreedMemory.Return();
            Say("next", 0);
        }
        return 0;
    }

    static int Exec(RunFolder folder, Given given, bool afresh, bool alone = false)
    {
        var ranks = folder.Config.Find("train.ranks")?.AsInteger() ?? 1;
        if (ranks > 1 && !Mpi.IsLaunched)
            return StartRanks(folder, ranks, given, afresh, alone);
        // Not for a single process of a scheduler whose MPI this machine does not need.
        if (ranks > 1)
            Ranks.Join(mpi.Value);
        // Not before, because MPI libraries change functions of the C library in memory, which other threads must not call then.
        if (Mpi.IsLaunched)
            GetReady();
        var code = Ranks.Here.Leads ? Lead(folder, given, afresh, alone) : Follow(folder, given);
        mayLeave = ranks > 1;
        return code;
    }

    // A process can join once.
    static readonly Lazy<Mpi> mpi = new();

    static bool mayLeave;

    static int StartRanks(RunFolder folder, long ranks, Given given, bool afresh, bool alone)
    {
        // Nothing is left to do, which needs no ranks.
        if (folder.State == RunState.Completed && !afresh)
            return Say("ended completed", 0);
        // A setting that is refused is refused once, not by every rank.
        _ = Catalog.Load(given.All(With)).Resolve<ExperimentSpec>(folder.Config);
        var options = given
            .Options.Where(one => one.Option != Afresh)
            .SelectMany(one => one.Option.Value == "" ? [one.Option.Name] : new[] { one.Option.Name, one.Value });
        using var launcher = new RankLauncher(
            folder,
            ranks,
            ["exec", folder.Path, .. options, .. afresh ? [Afresh.Name] : Array.Empty<string>()]
        );
        return launcher.Wait(
            line =>
            {
                if (!alone)
                    Say(line, 0);
                else if (line.StartsWith("ended ", StringComparison.Ordinal))
                    Say($"{folder.Id} {line}", 0);
            },
            alone
        );
    }

    static int Follow(RunFolder folder, Given given)
    {
        using var stop = new Stop();
        var other = new OtherRank(folder, Catalog.Load(given.All(With)), given.Last(Data) ?? Experiment.DataRoot, stop);
        if (other.Run() is { } error)
            Console.Error.WriteLine(Secrets.Here.Masked($"rank {Ranks.Here.Rank}: {error}"));
        // The exit code of the run is that of rank 0. A launcher that saw another one first would end rank 0 before it has written why.
        return 0;
    }

    static int Lead(RunFolder folder, Given given, bool afresh, bool alone)
    {
        using var stop = new Stop();
        if (!alone)
            stop.WithParent();
        if (Environment.GetEnvironmentVariable(RankLauncher.Supervised) is not null)
            stop.WithInput();
        using var log = new Log(folder, isTask: alone);
        using var execution = Begun(() => Execution(folder, given, stop, log), afresh, log);
        if (execution is null)
            return Say("ended completed", 0);
        var ended = execution.Run(log.Failure);
        log.Ended(ended);
        return ended.ExitCode!.Value;
    }

    /// <summary>An attempt that has begun; null if nothing is left to do. Other ranks learn of an error.</summary>
    static Execution? Begun(Func<Execution> make, bool afresh, Log log)
    {
        Execution? made = null;
        try
        {
            made = make();
            if (made.Begin(afresh))
            {
                log.Open();
                return made;
            }
        }
        catch (Exception error)
        {
            made?.Dispose();
            Ranks.Here.Fail(isNumerical: false, error.Message);
            throw;
        }
        made.Dispose();
        return null;
    }

    static Execution Execution(RunFolder folder, Given given, Stop stop, Log log, Document? measure = null)
    {
        var launch = given.Last(Launch) is { } file ? LaunchRecord.Read(file) : null;
        return new Execution(folder, Catalog.Load(given.All(With)), given.Last(Data) ?? Experiment.DataRoot, stop, log, launch, measure)
        {
            Until = given.Last(Until) is { } step ? Whole(step) : null,
        };
    }

    static long Whole(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UsageException($"\"{text}\" is not a valid number: a whole number is expected.");

    static int Measure(RunFolder folder, Given given)
    {
        if (folder.State != RunState.Completed)
            return Command.Refuse($"{folder}: only a completed run can be measured again; this one is {Kebab.Of(folder.State)}.");
        var measure = given.Last(Config) is { } file ? Document.Read(file).Get("measure") : null;
        using var stop = new Stop();
        stop.WithParent();
        using var log = new Log(folder);
        using var execution = Execution(folder, given, stop, log, measure);
        log.Open();
        try
        {
            log.Ended(execution.Measure());
            return 0;
        }
        catch (Exception error)
        {
            // Any exception is written in full to stderr.log; the run's earlier results are unchanged.
            log.Failure(error);
            return 1;
        }
    }

    static int Libraries()
    {
        Natives.Load();
        var adapted = Natives.Copy is not null ? ", with a copy of one file that fits this machine's libstdc++ (docs/install.md)" : "";
        return Say($"libtorch {Natives.Version} loads ({Machine.Capability ?? "unknown"} kernels){adapted}", 0);
    }

    static int Say(string text, int code)
    {
        Console.Out.WriteLine(text);
        return code;
    }
}
