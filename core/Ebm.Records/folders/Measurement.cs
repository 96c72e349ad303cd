namespace Ebm.Records;

/// <summary>One number of a metric, as in <c>metrics.json</c>. Times are not metrics.</summary>
/// <param name="Name">Such as <c>grid-kl</c>, <c>long-run/100</c>.</param>
/// <param name="Value">May be NaN or infinite: strings in JSON.</param>
/// <param name="Unit">Such as <c>nats</c>; empty for a pure number.</param>
/// <param name="Better">Which values are better.</param>
/// <param name="Scale"><c>linear</c> or <c>log</c>: how a figure should draw it.</param>
/// <param name="Se">Standard error of the value, if the metric is an estimate.</param>
/// <param name="N">Number of draws or cells behind the value.</param>
/// <param name="Protocol">Hash of the metric's settings: values with the same protocol are comparable.</param>
/// <param name="Importance">As declared by the metric; null in files written before metrics declared it.</param>
/// <param name="Order">Its place in tables among the metrics of its importance, as declared by the metric; null if it declares none.</param>
/// <param name="ComparedWith">The metric that is its comparison value: the value is shown as a share of it. Null without one.</param>
public sealed record Measurement(
    string Name,
    double Value,
    string Unit,
    Direction Better,
    string Scale = "linear",
    double? Se = null,
    long? N = null,
    string? Protocol = null,
    Importance? Importance = null,
    int? Order = null,
    string? ComparedWith = null
)
{
    /// <summary>Arrays for figures; stored in <c>arrays/</c>, not in <c>metrics.json</c>.</summary>
    public IReadOnlyList<NamedArray> Arrays { get; init; } = [];
}

/// <summary>Numbers for a figure, independent of any tensor library.</summary>
/// <param name="Name">The file's name without extension: letters, digits, <c>-</c>, <c>_</c>, <c>.</c> and <c>/</c>.</param>
/// <param name="Axes">The meaning of each axis, such as <c>y</c>, <c>x</c>; as many as <paramref name="Shape"/> has.</param>
/// <param name="Shape">The axes' lengths.</param>
/// <param name="Values">In row-major order, the last axis fastest.</param>
public sealed record NamedArray(string Name, string[] Axes, long[] Shape, float[] Values);
