using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Why a run was asked to stop.</summary>
/// <param name="State">The run's new state: interrupted by a person, or preempted by a scheduler.</param>
/// <param name="By">The origin of the request.</param>
/// <param name="Signal">The signal's number.</param>
public sealed record StopRequest(RunState State, string By, int Signal)
{
    /// <summary>The exit code that shells report for a process ended by a signal.</summary>
    public int ExitCode => 128 + Signal;
}

/// <summary>A run was asked to stop, at a point where no work is lost.</summary>
public sealed class StoppedException(StopRequest request) : Exception($"{Kebab.Of(request.State)} by {request.By}")
{
    public StopRequest Request => request;
}

/// <summary>
/// Handles the signals that ask a run to stop: SIGINT, SIGTERM, and SIGUSR1, which schedulers send before a time limit. In training, the current
/// step ends and a checkpoint is written. Later phases can be repeated from the last checkpoint, so the process writes its state and exits at once,
/// as it does at a second signal in training.
/// </summary>
public sealed class Stop : IDisposable
{
    // .NET has no names for these signals; the numbers are Linux's.
    const PosixSignal Usr1 = (PosixSignal)10;

    /// <summary>SIGUSR2: the kernel sends it when the process that started this one has ended (see <see cref="WithParent"/>).</summary>
    public const PosixSignal ParentGone = (PosixSignal)12;

    // Ctrl+C reaches both the sweep and its runs, and the sweep forwards it; a repeated signal within this time is the same request.
    static readonly TimeSpan Echo = TimeSpan.FromSeconds(2);

    readonly object gate = new();
    readonly List<PosixSignalRegistration> registrations = [];
    readonly Stopwatch since = new();
    StopRequest? request;
    bool waits,
        over;

    public Stop()
    {
        HearInterrupts();
        On(PosixSignal.SIGINT, new StopRequest(RunState.Interrupted, "SIGINT", 2));
        On(PosixSignal.SIGTERM, new StopRequest(RunState.Preempted, "SIGTERM", 15));
        On(Usr1, new StopRequest(RunState.Preempted, "SIGUSR1", 10));
    }

    /// <summary>
    /// Ends the ignoring of SIGINT that a program inherits from a shell that started its sweep in the background; a run must react to its sweep. A
    /// program calls it first: .NET decides once, at its first use of any signal or of the console, that an ignored signal stays ignored.
    /// </summary>
    public static void HearInterrupts()
    {
        const int interrupt = 2;
        const nint ignored = 1;
        // The handler is the first field of struct sigaction, which has 152 bytes. .NET's own handler must stay: .NET would not install it again.
        var action = new nint[32];
        if (sigaction(interrupt, 0, action) == 0 && action[0] == ignored)
            signal(interrupt, 0);
    }

    /// <summary>Writes the state before the process exits at once; called on another thread.</summary>
    public Action<StopRequest>? LastWords { get; set; }

    /// <summary>The variable that contains the sweep's process id; a run with another parent process has lost its sweep.</summary>
    public const string ParentVariable = "EBM_PARENT";

    /// <summary>Stops this run when the process that started it ends, so that no run outlives its sweep.</summary>
    public void WithParent()
    {
        // The parent of a rank is its launcher.
        var parent =
            Ranks.Here.Count == 1 && int.TryParse(Environment.GetEnvironmentVariable(ParentVariable), out var told) ? told : getppid();
        // The kernel sends the signal when the parent's *thread* that started this process ends, and .NET ends idle threads; so the handler checks
        // whether the parent process has changed. A separate signal distinguishes this from SIGTERM.
        void Look()
        {
            if (getppid() != parent)
                Ask(Orphaned);
        }
        registrations.Add(
            PosixSignalRegistration.Create(
                ParentGone,
                context =>
                {
                    context.Cancel = true;
                    Look();
                }
            )
        );
        if (prctl(DeathSignal, (nuint)(int)ParentGone, 0, 0, 0) != 0)
            throw new InvalidOperationException($"prctl(PR_SET_PDEATHSIG) failed with errno {Marshal.GetLastPInvokeError()}");
        // The parent may have ended before prctl.
        Look();
    }

    /// <summary>Stops this run when its standard input ends, which the process that started it holds open.</summary>
    public void WithInput() =>
        new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            while (input.ReadByte() >= 0)
                continue;
            Ask(Orphaned);
        })
        {
            IsBackground = true,
        }.Start();

    static readonly StopRequest Orphaned = new(RunState.Interrupted, "the end of the process that started it", 15);

    /// <summary>Defers requests to <see cref="ThrowIfRequested"/> until the result is disposed.</summary>
    public IDisposable Waiting()
    {
        lock (gate)
            waits = true;
        return new Ended(() =>
        {
            lock (gate)
                waits = false;
        });
    }

    /// <summary>The stop that was asked for; null if none was.</summary>
    public StopRequest? Requested
    {
        get
        {
            lock (gate)
                return request;
        }
    }

    /// <exception cref="StoppedException">A stop was asked for.</exception>
    public void ThrowIfRequested()
    {
        lock (gate)
            if (request is { } asked)
                throw new StoppedException(asked);
    }

    /// <summary>Writes the end of the run; later requests have no effect.</summary>
    public void Over(Action write)
    {
        lock (gate)
        {
            over = true;
            write();
        }
    }

    void On(PosixSignal signal, StopRequest asks) =>
        registrations.Add(
            PosixSignalRegistration.Create(
                signal,
                context =>
                {
                    context.Cancel = true;
                    Ask(asks);
                }
            )
        );

    void Ask(StopRequest asks)
    {
        lock (gate)
        {
            if (over)
                return;
            if (request is null)
            {
                request = asks;
                since.Start();
                if (waits)
                    return;
            }
            else if (since.Elapsed < Echo)
                return;
            LastWords?.Invoke(request);
            // Not Environment.Exit, which would unload libtorch while another thread computes.
            _exit(request.ExitCode);
        }
    }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    sealed class Ended(Action action) : IDisposable
    {
        public void Dispose() => action();
    }

    const int DeathSignal = 1;

    [DllImport("libc", SetLastError = true)]
    static extern int prctl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [DllImport("libc")]
    static extern nint signal(int number, nint handler);

    [DllImport("libc")]
    static extern int sigaction(int number, nint action, [Out] nint[] before);

    [DllImport("libc")]
    static extern int getppid();

    [DllImport("libc")]
    static extern void _exit(int status);
}
