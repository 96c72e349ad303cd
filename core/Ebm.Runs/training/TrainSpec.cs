using Ebm.Core;

namespace Ebm.Runs;

// The group `train`: everything that decides the events of training, and so belongs to a run's identity.

/// <summary>How a method is trained.</summary>
/// <param name="Steps">Steps at most; one step is one call of the method's iterator. Null where only the budget ends training.</param>
/// <param name="Batch">Rows of a minibatch.</param>
/// <param name="Lr">The learning rate, before warm-up and schedule.</param>
/// <param name="Budget">Training ends at the first update that reaches so many units: rows through one gradient.</param>
/// <param name="WarmUp">The learning rate grows linearly over so many steps.</param>
/// <param name="Clip">Largest norm of a part's gradient; longer ones are shortened to it. Null clips nothing.</param>
/// <param name="Average">Decay per step of the weights' exponential moving average, which samples and is measured. Null keeps the raw weights.</param>
/// <param name="Schedule">The learning rate's course after warm-up; constant unless said.</param>
/// <param name="Optimizer">Adam unless said.</param>
/// <param name="Parts">What differs for one part, by the part's name.</param>
/// <param name="RecordEvery">Steps between two records in events.jsonl.</param>
/// <param name="CheckpointEvery">Steps between two checkpoints.</param>
/// <param name="Keep">Which checkpoints stay.</param>
/// <param name="Health">When training counts as diverged.</param>
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
    HealthSpec? Health = null
)
{
    public long? Steps { get; } =
        Require.That(
            Require.Positive(Steps),
            Steps is not null || Budget is not null,
            "must be a number when train.budget is null, or training would never end",
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

    /// <summary>How far training is: whichever of steps and units is further along, as a position and its end.</summary>
    public (long Position, long End) Progress(long step, long units) =>
        (Steps, Budget) switch
        {
            ({ } steps, null) => (step, steps),
            (null, { } budget) => (units, budget),
            ({ } steps, { } budget) => (double)step / steps >= (double)units / budget ? (step, steps) : (units, budget),
            _ => throw new InvalidOperationException("neither train.steps nor train.budget ends training"),
        };
}

/// <summary>What differs for one part of a method; null leaves the setting of `train`.</summary>
/// <param name="Lr">This part's learning rate.</param>
/// <param name="Clip">This part's largest gradient norm.</param>
/// <param name="Optimizer">This part's optimizer.</param>
public sealed record PartSpec(double? Lr = null, double? Clip = null, IOptimizer? Optimizer = null)
{
    public double? Lr { get; } = Require.Positive(Lr);
    public double? Clip { get; } = Require.Positive(Clip);
}

/// <summary>Which checkpoints stay in the folder.</summary>
public enum Keep
{
    /// <summary>The last one.</summary>
    Last,

    /// <summary>The last one, and the weights of the best measurement during training (measure.every, measure.best).</summary>
    Best,
}
