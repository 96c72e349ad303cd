using Ebm.Core;

namespace Ebm.Runs;

// The group `train`: all settings that affect training, which are therefore part of a run's identity.

/// <summary>How a method is trained.</summary>
/// <param name="Steps">Largest number of steps; one step is one call of the method's iterator. Null: only the budget ends training.</param>
/// <param name="Batch">Rows per minibatch.</param>
/// <param name="Lr">The learning rate, before warm-up and schedule.</param>
/// <param name="Budget">Training ends at the first update that reaches this many units; one unit is the gradient of one row.</param>
/// <param name="WarmUp">Number of steps over which the learning rate increases linearly.</param>
/// <param name="Clip">Largest norm of a part's gradient; larger gradients are scaled down to it. Null: no clipping.</param>
/// <param name="Average">Decay per step of the exponential moving average of the weights, which is used for sampling and measuring. Null uses the
/// raw weights.</param>
/// <param name="Schedule">The learning rate after warm-up; default: constant.</param>
/// <param name="Optimizer">The optimizer; default: Adam.</param>
/// <param name="Parts">Settings that differ for one part, by the part's name.</param>
/// <param name="RecordEvery">Steps between two records in events.jsonl.</param>
/// <param name="CheckpointEvery">Steps between two checkpoints.</param>
/// <param name="Keep">Which checkpoints are kept.</param>
/// <param name="Health">When training counts as diverged.</param>
/// <param name="Ranks">The number of processes that train together, each on its share of the batch; mpirun or srun starts them.</param>
public sealed record TrainSpec(
    long? Steps = 2000,
    long Batch = 256,
    double Lr = 1e-3,
    long? Budget = null,
    long WarmUp = 100,
    double? Clip = 5,
    double? Average = 0.998,
    ILearningRate? Schedule = null,
    IOptimizer? Optimizer = null,
    IReadOnlyDictionary<string, PartSpec>? Parts = null,
    long RecordEvery = 50,
    long CheckpointEvery = 1000,
    Keep Keep = Keep.Last,
    HealthSpec? Health = null,
    [NoIdentity] int Ranks = 1
)
{
    public long? Steps { get; } =
        Require.That(
            Require.Positive(Steps),
            Steps is not null || Budget is not null,
            "must be a number if train.budget is null; otherwise training would never end",
            nameof(Steps)
        );
    public long Batch { get; } = Require.Positive(Batch);
    public double Lr { get; } = Require.Positive(Lr);
    public long? Budget { get; } = Require.Positive(Budget);
    public long WarmUp { get; } = Require.Between(0, 1_000_000_000_000, WarmUp);
    public double? Clip { get; } = Require.Positive(Clip);
    public double? Average { get; } = Average is { } decay ? Require.Between(0, 0.999999, decay, nameof(Average)) : null;
    public ILearningRate Schedule { get; } = Schedule ?? new Constant();
    public IOptimizer Optimizer { get; } = Optimizer ?? new AdamSpec();
    public IReadOnlyDictionary<string, PartSpec> Parts { get; } = Parts ?? new Dictionary<string, PartSpec>();
    public long RecordEvery { get; } = Require.Positive(RecordEvery);
    public long CheckpointEvery { get; } = Require.Positive(CheckpointEvery);
    public HealthSpec Health { get; } = Health ?? new HealthSpec();
    public int Ranks { get; } =
        Require.That(Require.Between(1, 100_000, Ranks), Batch % Ranks == 0, $"must divide train.batch, which is {Batch}", nameof(Ranks));

    /// <summary>The progress of training, by steps or units, whichever is further: a position and its end.</summary>
    public (long Position, long End) Progress(long step, long units) =>
        (Steps, Budget) switch
        {
            ({ } steps, null) => (step, steps),
            (null, { } budget) => (units, budget),
            ({ } steps, { } budget) => (double)step / steps >= (double)units / budget ? (step, steps) : (units, budget),
            _ => throw new InvalidOperationException("neither train.steps nor train.budget ends training"),
        };

    /// <summary>The learning rate as a factor of its largest value: warm-up times schedule.</summary>
    /// <param name="step">Steps before this one.</param>
    /// <param name="units">Units before this step.</param>
    public double Factor(long step, long units)
    {
        var (position, end) = Progress(step, units);
        return Math.Min(1, (step + 1.0) / (WarmUp + 1)) * Schedule.At(Math.Min(position, end - 1), end);
    }
}

/// <summary>Settings of one part of a method; null uses the setting of `train`.</summary>
/// <param name="Lr">This part's learning rate.</param>
/// <param name="Clip">This part's largest gradient norm.</param>
/// <param name="Optimizer">This part's optimizer.</param>
public sealed record PartSpec(double? Lr = null, double? Clip = null, IOptimizer? Optimizer = null)
{
    public double? Lr { get; } = Require.Positive(Lr);
    public double? Clip { get; } = Require.Positive(Clip);
}

/// <summary>Which checkpoints are kept.</summary>
public enum Keep
{
    /// <summary>The last one.</summary>
    Last,

    /// <summary>The last one, and the weights of the best measurement during training (measure.every, measure.best).</summary>
    Best,
}
