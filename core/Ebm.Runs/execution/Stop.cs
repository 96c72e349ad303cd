using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Why a run was asked to stop.</summary>
/// <param name="State">The run's state from then on: interrupted by a person, preempted by a scheduler.</param>
/// <param name="By">What asked.</param>
/// <param name="Signal">Its number.</param>
public sealed record StopRequest(RunState State, string By, int Signal)
{
    /// <summary>What shells say of a process that a signal ended.</summary>
    public int ExitCode => 128 + Signal;
}

/// <summary>A run was asked to stop, and nothing is in hand that would be lost.</summary>
public sealed class StoppedException(StopRequest request) : Exception($"{Kebab.Of(request.State)} by {request.By}")
{
    public StopRequest Request => request;
}

/// <summary>
/// Listens for the signals that ask a run to stop: an interrupt from the keyboard, SIGTERM, and SIGUSR1, which schedulers send ahead
/// of a time limit. In training the step in hand ends and a checkpoint is written. In later phases, whose work repeats itself from
/// the last checkpoint, the process says its last words and ends at once; so it does at a second signal in training.
/// </summary>
public sealed class Stop : IDisposable
{
    // Not among .NET's named signals; their numbers are Linux's.
    const PosixSignal Usr1 = (PosixSignal)10;

    /// <summary>SIGUSR2: what the kernel sends when the process that started this one is gone (see <see cref="WithParent"/>).</summary>
    public const PosixSignal ParentGone = (PosixSignal)12;

    // A terminal's interrupt reaches the sweep and its runs, and the sweep passes it on: one wish, not two.
    static readonly TimeSpan Echo = TimeSpan.FromSeconds(2);

    readonly object gate = new();
    readonly List<PosixSignalRegistration> registrations = [];
    readonly Stopwatch since = new();
    StopRequest? request;
    bool waits,
        over;

    public Stop()
    {
        // Where a sweep was started in the background its children inherit that SIGINT is ignored, and .NET would leave it so; a run listens to its sweep.
        signal(2, 0);
        On(PosixSignal.SIGINT, new StopRequest(RunState.Interrupted, "SIGINT", 2));
        On(PosixSignal.SIGTERM, new StopRequest(RunState.Preempted, "SIGTERM", 15));
        On(Usr1, new StopRequest(RunState.Preempted, "SIGUSR1", 10));
    }

    /// <summary>What to write down before the process ends in the middle of things; called on another thread.</summary>
    public Action<StopRequest>? LastWords { get; set; }

    /// <summary>The variable in which a sweep tells its runs its process id: whoever finds another parent already has lost it.</summary>
    public const string ParentVariable = "EBM_PARENT";

    /// <summary>Asks this run to stop when the process that started it ends, so that no run outlives its sweep.</summary>
    public void WithParent()
    {
        var parent = int.TryParse(Environment.GetEnvironmentVariable(ParentVariable), out var told) ? told : getppid();
        // The kernel signals the end of the parent's *thread* that started us, and .NET retires threads: only a new parent is the
        // end of the process. A signal of its own keeps the two apart from a SIGTERM that is meant.
        void Look()
        {
            if (getppid() != parent)
                Ask(new StopRequest(RunState.Interrupted, "the end of the process that started it", 15));
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
        // It may have ended before it was watched.
        Look();
    }

    /// <summary>From here on, requests wait for <see cref="ThrowIfRequested"/>, until this is disposed.</summary>
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

    /// <exception cref="StoppedException">A stop was asked for.</exception>
    public void ThrowIfRequested()
    {
        lock (gate)
            if (request is { } asked)
                throw new StoppedException(asked);
    }

    /// <summary>Writes how the run ended; requests that come later change nothing.</summary>
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
            // Not Environment.Exit: it would take libtorch down under the feet of the thread that computes.
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
    static extern int getppid();

    [DllImport("libc")]
    static extern void _exit(int status);
}
