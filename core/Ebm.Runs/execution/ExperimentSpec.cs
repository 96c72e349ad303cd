using System.Globalization;
using System.Text.RegularExpressions;
using Ebm.Core;

namespace Ebm.Runs;

/// <summary>One experiment: all settings of a run.</summary>
/// <param name="Data">The data set.</param>
/// <param name="Method">The training method.</param>
/// <param name="Train">Length of training, optimizer and so on.</param>
/// <param name="Measure">Samples and metrics.</param>
/// <param name="Seed">The source of all randomness.</param>
/// <param name="Device">cpu, or cuda:N; never chosen automatically.</param>
/// <param name="Threads">Threads per operator. Small networks are slower with two than with one.</param>
/// <param name="Matmul">Precision of libtorch's float32 matrix products. The project's own kernels always compute in float32.</param>
/// <param name="Logging">What is printed during the run.</param>
public sealed partial record ExperimentSpec(
    ISpec<IDataset> Data,
    ISpec<Method> Method,
    TrainSpec? Train = null,
    [NoIdentity] MeasureSpec? Measure = null,
    long Seed = 0,
    [NoIdentity] string Device = "cpu",
    [NoIdentity] int Threads = 1,
    [OldRunsHad(Matmul.Highest)] Matmul Matmul = Matmul.Highest,
    [NoIdentity] LoggingSpec? Logging = null
)
{
    [GeneratedRegex(@"\A(cpu|cuda:[0-9]{1,3})\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();

    public TrainSpec Train { get; } = Train ?? new TrainSpec();
    public MeasureSpec Measure { get; } = Measure ?? new MeasureSpec();
    public long Seed { get; private init; } = Require.NonNegative(Seed);
    public string Device { get; } = Require.That(Device, DeviceName().IsMatch(Device), "must be cpu, or cuda:N for the N-th GPU");
    public int Threads { get; } = Require.Between(1, 1024, Threads);
    public LoggingSpec Logging { get; } = Logging ?? new LoggingSpec();

    /// <summary>The same experiment with another seed.</summary>
    public ExperimentSpec WithSeed(long seed) => this with { Seed = Require.NonNegative(seed) };

    /// <summary>The torch device.</summary>
    /// <exception cref="SettingException">This machine does not have it.</exception>
    public torch.Device OnDevice()
    {
        if (Device == "cpu")
            return CPU;
        var index = int.Parse(Device["cuda:".Length..], CultureInfo.InvariantCulture);
        var count = cuda.is_available() ? cuda.device_count() : 0;
        return index < count
            ? torch.device($"cuda:{OfRank(index, Ranks.Here.Local, count)}")
            : throw new SettingException(
                nameof(Device),
                count == 0
                    ? $"is {Device}, but libtorch finds no GPU on this machine; set it to cpu"
                    : $"is {Device}, but this machine has {count} (cuda:0 to cuda:{count - 1})"
            );
    }

    /// <summary>The GPU of a rank: ranks of one machine take its GPUs in turn, from the one in the config on.</summary>
    internal static int OfRank(int index, int local, int count) => (index + local) % count;
}

/// <summary>What a run prints.</summary>
/// <param name="Progress">Seconds between two lines of progress.</param>
public sealed record LoggingSpec(double Progress = 0.5)
{
    public double Progress { get; } = Require.Between(0, 86_400, Progress);
}
