using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Ebm.Devices;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>
/// Executes a run of several ranks: starts them with srun inside a job of SLURM, else with mpirun, and passes on the lines of rank 0. This process
/// computes nothing, so sweeps, tasks and audits start and stop such a run like any other.
/// </summary>
sealed class RankLauncher : IDisposable
{
    /// <summary>The variable with the words that start ranks, such as "srun --mpi=cray_shasta --ntasks={ranks}".</summary>
    public const string CommandVariable = "EBM_MPIRUN";

    /// <summary>The variable that tells rank 0 that its standard input ends with this process.</summary>
    public const string Supervised = "EBM_RANKS_END_WITH_INPUT";

    // Open MPI refuses root, more ranks than processors, and by default ties the ranks of every run to the same processors.
    static readonly (string Variable, string Value)[] OfOpenMpi =
    [
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
        ("OMPI_MCA_hwloc_base_binding_policy", "none"),
    ];

    // Open MPI adds six lines to those of a rank.
    const int Kept = 10;

    readonly RunFolder folder;
    readonly Process launcher;
    readonly Stop stop = new();
    readonly Queue<string> lastWords = new();

    /// <param name="ranks">Their number.</param>
    /// <param name="words">The arguments of the runner.</param>
    /// <exception cref="DeviceException">There is no program that starts ranks.</exception>
    public RankLauncher(RunFolder folder, long ranks, IEnumerable<string> words)
    {
        this.folder = folder;
        // A signal from the terminal must reach the launcher of the ranks only through this process: mpirun would kill them.
        var start = new ProcessStartInfo("setsid", [.. Command(ranks), Environment.ProcessPath!, .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in OfOpenMpi)
            start.Environment[variable] = value;
        start.Environment[Supervised] = "1";
        launcher = Process.Start(start)!;
    }

    static string[] Command(long ranks)
    {
        var count = ranks.ToString(CultureInfo.InvariantCulture);
        if (Environment.GetEnvironmentVariable(CommandVariable) is { Length: > 0 } given)
            return given.Replace("{ranks}", count).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (Environment.GetEnvironmentVariable("SLURM_JOB_ID") is { Length: > 0 } && IsThere("srun"))
            return ["srun", $"--ntasks={count}", "--mpi=pmix", "--kill-on-bad-exit=1"];
        // A wrong number, or a config from elsewhere, must not fill the machine with processes.
        if (ranks > Environment.ProcessorCount)
            throw new DeviceException(
                $"train.ranks is {count}, but this machine has {Environment.ProcessorCount} processors: lower it, or set {CommandVariable} to the words that start ranks on several machines"
            );
        return IsThere("mpirun")
            ? ["mpirun", "-n", count]
            : throw new DeviceException(
                $"train.ranks is {count}, but there is no mpirun on this machine: load the cluster's module of MPI, install Open MPI or MPICH, or set {CommandVariable} to the words that start ranks"
            );
    }

    static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>Waits for the ranks.</summary>
    /// <param name="say">Receives the lines of rank 0.</param>
    /// <param name="alone">Whether the run goes on when the process that started this one ends.</param>
    /// <returns>The exit code.</returns>
    public int Wait(Action<string> say, bool alone)
    {
        if (!alone)
            stop.WithParent();
        using var waiting = stop.Waiting();
        var reading = Task.Run(() =>
        {
            // mpirun gives ranks a terminal, for which .NET writes a control sequence first.
            while (launcher.StandardOutput.ReadLine() is { } line)
                if (
                    line.IndexOf("progress ", StringComparison.Ordinal) is >= 0 and var at
                    || (at = line.IndexOf("ended ", StringComparison.Ordinal)) >= 0
                )
                    say(line[at..]);
        });
        var complaining = Task.Run(Complain);
        var asked = false;
        while (!launcher.WaitForExit(100))
            if (!asked && stop.Requested is { } request)
            {
                asked = true;
                Signal(request.Signal);
            }
        Task.WaitAll(reading, complaining);
        Settle();
        return launcher.ExitCode;
    }

    /// <summary>Passes on what the launcher and its ranks complain of, and keeps the end of it.</summary>
    void Complain()
    {
        while (launcher.StandardError.ReadLine() is { } line)
        {
            try
            {
                Console.Error.WriteLine(line);
            }
            catch (IOException)
            {
                // Standard error may be a full disk, but the launcher must not wait for a reader.
            }
            // mpirun frames what it says with lines of dashes.
            if (!line.Any(char.IsLetter))
                continue;
            lastWords.Enqueue(line.Trim());
            if (lastWords.Count > Kept)
                lastWords.Dequeue();
        }
    }

    /// <summary>Ranks that were killed, or that never began, could not say so.</summary>
    void Settle()
    {
        if (launcher.ExitCode == 0 || Unsaid(folder.Manifest) is null)
            return;
        // A process that was killed keeps its files open for a moment.
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < TimeSpan.FromSeconds(10) && Claim.IsHeld(folder.Path); )
            Thread.Sleep(50);
        try
        {
            using var claim = new Claim(folder);
            if (Unsaid(claim.Folder.Manifest) is { } end)
                claim.Folder.Write(end);
        }
        catch (TakenException)
        {
            // Another process executes the run already.
        }
    }

    /// <summary>The end that the ranks left to be written; null if there is none.</summary>
    RunManifest? Unsaid(RunManifest? last) =>
        last switch
        {
            { State: RunState.Running } => last.Ended(
                RunState.Lost,
                last.Step,
                $"a rank ended without a word, and with it the others (exit code {launcher.ExitCode}); the run goes on from its last checkpoint",
                launcher.ExitCode
            ),
            // After a request to stop, or while another process has the run, there was nothing to begin.
            { State: RunState.Pending } when launcher.ExitCode != Program.Taken && stop.Requested is null => last.Ended(
                RunState.Failed,
                last.Step,
                $"the ranks did not begin (exit code {launcher.ExitCode}): {string.Join("; ", lastWords)}",
                launcher.ExitCode
            ),
            _ => null,
        };

    /// <summary>Signals each rank on this machine. srun, whose ranks have other parents, passes on its own signals, except SIGINT.</summary>
    void Signal(int number)
    {
        const int interrupt = 2,
            terminate = 15;
        var ranks = Descendants(launcher.Id).Where(id => Environment.ProcessPath == ProgramOf(id)).ToList();
        foreach (var id in ranks)
            _ = kill(id, number);
        if (ranks.Count == 0)
            _ = kill(launcher.Id, number == interrupt ? terminate : number);
    }

    static IEnumerable<int> Descendants(int parent)
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.GetDirectories("/proc"))
            if (int.TryParse(Path.GetFileName(folder), out var id) && ParentOf(id) is { } own)
                parents[id] = own;
        return parents.Keys.Where(id => Ancestors(id).Contains(parent));

        IEnumerable<int> Ancestors(int id)
        {
            while (parents.TryGetValue(id, out id))
                yield return id;
        }
    }

    // The fields after the program's name, which may contain anything: state, parent, …
    static int? ParentOf(int id) =>
        Read($"/proc/{id}/stat") is { } stat
            ? int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture)
            : null;

    static string? ProgramOf(int id)
    {
        try
        {
            return new FileInfo($"/proc/{id}/exe").LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended, or is another user's
        }
    }

    static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended
        }
    }

    public void Dispose()
    {
        launcher.Dispose();
        stop.Dispose();
    }

    [DllImport("libc")]
    static extern int kill(int process, int signal);
}
