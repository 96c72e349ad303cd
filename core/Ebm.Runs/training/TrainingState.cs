using System.Text.Json.Serialization;

namespace Ebm.Runs;

/// <summary>
/// Everything that decides how training goes on after a step. The numbers are what <c>checkpoint/state.json</c> holds, and the tensors lie beside it,
/// each group in a file. Randomness needs no state of its own: step n draws from the n-th stream of the run's seed.
/// </summary>
public sealed record TrainingState
{
    /// <summary>The attempt that trained up to here; null in a file that does not have it.</summary>
    public int? Attempt { get; init; }

    /// <summary>Steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Units of cost spent on them.</summary>
    public required long Units { get; init; }

    /// <summary>The last step at which training was measured; 0 before the first.</summary>
    public required long Measured { get; init; }

    /// <summary>Seconds spent so far, over all attempts that this one rests on.</summary>
    public required double Seconds { get; init; }

    public required Cursor Cursor { get; init; }

    /// <summary>Health's windows, by <c>part/name</c>.</summary>
    public required IReadOnlyDictionary<string, Window> Health { get; init; }

    /// <summary>The best measurement during training; null before there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public Best? Best { get; init; }

    /// <summary>The method's parameters and buffers: networks, chains, adapted steps.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Method { get; init; } = Nothing;

    /// <summary>The optimizers' moments, by <c>part/parameter/moment</c>.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Optimizers { get; init; } = Nothing;

    /// <summary>The averaged parameters; none where no average is kept.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, Tensor> Averages { get; init; } = Nothing;

    /// <summary>Whether <see cref="Best"/> was measured at this very step: its weights are those of now, the averaged ones where there are any.</summary>
    [JsonIgnore]
    public bool IsBest { get; init; }

    static readonly IReadOnlyDictionary<string, Tensor> Nothing = new Dictionary<string, Tensor>();
}

/// <summary>How far the minibatches are.</summary>
/// <param name="Position">Rows of the epoch already taken.</param>
public sealed record Cursor(long Epoch, long Position);

/// <summary>The best measurement during training.</summary>
public sealed record Best(long Step, string Metric, double Value);
