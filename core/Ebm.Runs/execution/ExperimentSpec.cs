using System.Globalization;
using System.Text.RegularExpressions;
using Ebm.Core;

namespace Ebm.Runs;

/// <summary>One experiment: everything a run needs to be told.</summary>
/// <param name="Data">What is learned.</param>
/// <param name="Method">How it is learned.</param>
/// <param name="Train">For how long, with which optimizer.</param>
/// <param name="Measure">What is drawn and measured.</param>
/// <param name="Seed">All randomness follows from it.</param>
/// <param name="Device">cpu, or cuda:N; never guessed.</param>
/// <param name="Threads">Within one operator. Small networks are slower with two than with one.</param>
/// <param name="Logging">What is said along the way.</param>
public sealed partial record ExperimentSpec(
    ISpec<IDataset> Data,
    ISpec<Method> Method,
    TrainSpec? Train = null,
    [NoIdentity] MeasureSpec? Measure = null,
    long Seed = 0,
    [NoIdentity] string Device = "cpu",
    [NoIdentity] int Threads = 1,
    [NoIdentity] LoggingSpec? Logging = null
)
{
    [GeneratedRegex("^(cpu|cuda:[0-9]{1,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();

    public TrainSpec Train { get; } = Train ?? new TrainSpec();
    public MeasureSpec Measure { get; } = Measure ?? new MeasureSpec();
    public long Seed { get; } = Require.NonNegative(Seed);
    public string Device { get; } = Require.That(Device, DeviceName().IsMatch(Device), "is cpu, or cuda:N for the N-th GPU");
    public int Threads { get; } = Require.Between(1, 1024, Threads);
    public LoggingSpec Logging { get; } = Logging ?? new LoggingSpec();

    /// <summary>The device itself.</summary>
    /// <exception cref="SettingException">This machine does not have it.</exception>
    public torch.Device OnDevice()
    {
        if (Device == "cpu")
            return CPU;
        var index = int.Parse(Device["cuda:".Length..], CultureInfo.InvariantCulture);
        var count = cuda.is_available() ? cuda.device_count() : 0;
        return index < count
            ? torch.device(Device)
            : throw new SettingException(
                nameof(Device),
                count == 0
                    ? $"is {Device}, but libtorch finds no GPU on this machine; write cpu"
                    : $"is {Device}, but this machine has {count} (cuda:0 to cuda:{count - 1})"
            );
    }
}

/// <summary>What a run says along the way.</summary>
/// <param name="Progress">Seconds between two lines of progress.</param>
public sealed record LoggingSpec(double Progress = 0.5)
{
    public double Progress { get; } = Require.Between(0, 86_400, Progress);
}
