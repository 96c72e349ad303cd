using System.Runtime.InteropServices;
using Ebm.Core;

namespace Lab;

/// <summary>A constant learning rate that holds training at a step until SIGUSR1 has come, so that a law can disturb a run there, however fast
/// it trains.</summary>
/// <param name="Until">A file that ends the waiting, too.</param>
/// <param name="Step">The step before which it waits.</param>
[Kind("waiting")]
public sealed record Waiting(string Until, long Step = 10) : ILearningRate
{
    const PosixSignal BeforeLimit = (PosixSignal)10;

    static volatile bool heard;

    // Not before training begins, because a plan makes this record, too.
    static readonly Lazy<PosixSignalRegistration> hearing = new(() =>
        PosixSignalRegistration.Create(
            BeforeLimit,
            context =>
            {
                context.Cancel = true;
                heard = true;
            }
        )
    );

    public double At(long step, long steps)
    {
        _ = hearing.Value;
        while (step == Step && !heard && !File.Exists(Until))
            Thread.Sleep(20);
        return 1;
    }
}
