using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The group `measure`: samples and metrics of a run, during training and after it. Not part of a run's identity.</summary>
/// <param name="Samples">Rows of samples.npy.</param>
/// <param name="AtOnce">Rows per call of the sampler, which limits its memory.</param>
/// <param name="Metrics">The metrics, under any names.</param>
/// <param name="Every">Steps between two measurements during training (measures.jsonl); null measures only at the end.</param>
/// <param name="EverySamples">Rows drawn for a measurement during training.</param>
/// <param name="During">The names of the metrics to compute during training; default: all.</param>
/// <param name="Best">The quantity, measured during training, that train.keep: best uses; default: the first one with a direction.</param>
/// <param name="Weights">The weights to measure at the end: the last, or those of the best measurement during training, which train.keep: best
/// keeps.</param>
/// <param name="Tolerance">The allowed difference of each value when an audit repeats the run; declared here, not in the audit.</param>
public sealed record MeasureSpec(
    long Samples = 2000,
    long AtOnce = 500,
    IReadOnlyDictionary<string, IMetricSpec>? Metrics = null,
    long? Every = null,
    long EverySamples = 500,
    string[]? During = null,
    string? Best = null,
    Keep Weights = Keep.Last,
    IReadOnlyDictionary<string, Tolerance>? Tolerance = null
)
{
    public long Samples { get; } = Require.Rows(Samples);
    public long AtOnce { get; } = Require.Rows(AtOnce);
    public IReadOnlyDictionary<string, IMetricSpec> Metrics { get; } = Metrics ?? new Dictionary<string, IMetricSpec>();
    public long? Every { get; } = Require.Positive(Every);
    public long EverySamples { get; } = Require.Rows(EverySamples);
    public string[]? During { get; } =
        Require.That(
            During,
            During is null || During.All(name => Metrics?.ContainsKey(name) == true),
            $"must contain only metrics of this group: {string.Join(", ", Metrics?.Keys ?? [])}"
        );
    public string? Best { get; } =
        Declared(Best, nameof(Best), Best is null ? [] : [Best], Of(Metrics, During).Where(one => one.Better != Direction.None));
    public IReadOnlyDictionary<string, Tolerance> Tolerance { get; } =
        Declared(Tolerance ?? new Dictionary<string, Tolerance>(), nameof(Tolerance), Tolerance?.Keys ?? [], Of(Metrics, null));

    /// <summary>The quantities of the metrics, in the order of measurement.</summary>
    /// <param name="during">Only those of metrics computed during training.</param>
    public IEnumerable<Quantity> Quantities(bool during = false) => during && Every is null ? [] : Of(Metrics, during ? During : null);

    static IEnumerable<Quantity> Of(IReadOnlyDictionary<string, IMetricSpec>? metrics, string[]? only) =>
        (metrics ?? new Dictionary<string, IMetricSpec>())
            .Where(metric => only?.Contains(metric.Key) ?? true)
            .OrderBy(metric => metric.Key, StringComparer.Ordinal)
            .SelectMany(metric => metric.Value.Quantities);

    static T Declared<T>(T value, string setting, IEnumerable<string> names, IEnumerable<Quantity> declared)
    {
        var known = declared.Select(one => one.Name).ToList();
        if (names.FirstOrDefault(name => !known.Contains(name)) is not { } unknown)
            return value;
        var says = $"names {unknown}, which is not a quantity of these metrics; their quantities are {string.Join(", ", known)}";
        throw new SettingException(setting, says + Spelling.DidYouMean(unknown, known));
    }
}

/// <summary>The allowed difference of a repeated metric: the sum of both parts.</summary>
/// <param name="Absolute">In the metric's unit.</param>
/// <param name="Relative">As a share of the original value.</param>
public sealed record Tolerance(double Absolute = 0, double Relative = 0)
{
    public double Absolute { get; } = Require.NonNegative(Absolute);
    public double Relative { get; } = Require.NonNegative(Relative);
}
