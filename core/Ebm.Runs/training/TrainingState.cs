using System.Text.Json.Serialization;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The state from which training continues after a step. The numbers are in <c>checkpoint/state.json</c>, and each group of tensors is in a file
/// beside it. Random streams need no state: step n draws from the n-th stream of the run's seed.
/// </summary>
public sealed record TrainingState
{
    /// <summary>The attempt that trained up to here; null in older files.</summary>
    public int? Attempt { get; init; }

    /// <summary>The checkpoint of another run that this one was taken from; null if the run trained itself.</summary>
    public ParentState? TakenFrom { get; init; }

    /// <summary>Steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Units of cost spent on them.</summary>
    public required long Units { get; init; }

    /// <summary>The last step with a measurement; 0 before the first.</summary>
    public required long Measured { get; init; }

    /// <summary>Seconds spent so far, in all attempts behind this state.</summary>
    public required double Seconds { get; init; }

    public required Cursor Cursor { get; init; }

    /// <summary>The windows of Health, by <c>part/name</c>.</summary>
    public required IReadOnlyDictionary<string, Window> Health { get; init; }

    /// <summary>The best measurement during training; null before the first.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public Best? Best { get; init; }

    /// <summary>The method's parameters and buffers: networks, chains, adapted step sizes.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Method { get; init; } = Nothing;

    /// <summary>The optimizers' moments, by <c>part/parameter/moment</c>.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Optimizers { get; init; } = Nothing;

    /// <summary>The averaged parameters; empty if no average is kept.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Averages { get; init; } = Nothing;

    /// <summary>Whether <see cref="Best"/> was measured at this step; its weights are then the current ones, averaged if there is an
    /// average.</summary>
    [JsonIgnore]
    public bool IsBest { get; init; }

    static readonly IReadOnlyDictionary<string, Tensor> Nothing = new Dictionary<string, Tensor>();
}

/// <summary>The position in the minibatches.</summary>
/// <param name="Position">Rows of the epoch already used.</param>
public sealed record Cursor(long Epoch, long Position);

/// <summary>The best measurement during training.</summary>
public sealed record Best(long Step, string Metric, double Value);
