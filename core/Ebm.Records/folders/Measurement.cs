namespace Ebm.Records;

/// <summary>One number that a metric found, as <c>metrics.json</c> holds it. Nothing measured in seconds is a metric.</summary>
/// <param name="Name">Such as <c>grid-kl</c>, <c>long-run/100</c>.</param>
/// <param name="Value">May be NaN or infinite: strings in JSON.</param>
/// <param name="Unit">Such as <c>nats</c>; empty for a pure number.</param>
/// <param name="Better">Which values are better.</param>
/// <param name="Scale"><c>linear</c> or <c>log</c>: how a figure should draw it.</param>
/// <param name="Se">Standard error of the value, where the metric is an estimate.</param>
/// <param name="N">How many draws or cells the value rests on.</param>
/// <param name="Protocol">Hash of the metric's settings: values are comparable when it is equal.</param>
/// <param name="Importance">As the metric declares it; null in files of runs that were measured before metrics did.</param>
public sealed record Measurement(
    string Name,
    double Value,
    string Unit,
    Direction Better,
    string Scale = "linear",
    double? Se = null,
    long? N = null,
    string? Protocol = null,
    Importance? Importance = null
)
{
    /// <summary>What figures draw; kept in <c>arrays/</c>, not in <c>metrics.json</c>.</summary>
    public IReadOnlyList<NamedArray> Arrays { get; init; } = [];
}

/// <summary>Numbers for a figure, drawn without any tensor library.</summary>
/// <param name="Name">The file's name without its ending: letters, digits, <c>-</c>, <c>_</c>, <c>.</c> and <c>/</c>.</param>
/// <param name="Axes">What each axis counts, such as <c>y</c>, <c>x</c>; as many as <paramref name="Shape"/> has.</param>
/// <param name="Shape">The axes' lengths.</param>
/// <param name="Values">Row by row, the last axis fastest.</param>
public sealed record NamedArray(string Name, string[] Axes, long[] Shape, float[] Values);
