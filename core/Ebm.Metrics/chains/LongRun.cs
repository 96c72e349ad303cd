using System.Globalization;
using static Ebm.Metrics.LongRunSpec;

namespace Ebm.Metrics;

/// <summary>
/// Whether a sampler has converged: the energy distance to the data of chains run 1×, 10× and 100× as long as those that generate samples. With a
/// correct density the distance stays small; if training only fitted where short chains end, it grows.
/// </summary>
public sealed class LongRun(LongRunSpec spec) : IMetric
{
    public IEnumerable<Measurement> Measure(Subject subject)
    {
        if (subject.Method is not IChains chains)
            return [];
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var real = new EnergyDistance.Real(subject.Data, spec.Reference, subject.Rng.Stream("reference"));
        return
        [
            .. spec.Factors.Select(times =>
                real.Compare(Distance.For(Of(times)), chains.Run(spec.Chains, times, subject.Rng.Stream(times)))
            ),
        ];
    }
}

/// <summary>The energy distance to the data of chains run longer than in generation, for methods that sample by chains.</summary>
/// <param name="Factors">Multiples of the length, one measurement each; default 1, 10, 100.</param>
/// <param name="Chains">Number of parallel chains.</param>
/// <param name="Reference">Number of real rows to compare with.</param>
[Kind("long-run")]
public sealed record LongRunSpec(int[]? Factors = null, long Chains = 500, long Reference = 4000) : IMetricSpec
{
    public static readonly Quantity Distance = new(
        "long-run/<times>",
        "length",
        Lower,
        Secondary,
        "energy-distance 1",
        "energy distance of chains run this many times as long",
        Order: 700
    );

    public IReadOnlyList<Quantity> Quantities => [.. Factors.Select(times => Distance.For(Of(times)))];

    internal static string Of(int times) => times.ToString(CultureInfo.InvariantCulture);

    public int[] Factors { get; } =
        Require.That(
            Factors ?? [1, 10, 100],
            Factors is null
                || (Factors.Length > 0 && Factors.All(f => f is > 0 and <= 1000) && Factors.Distinct().Count() == Factors.Length),
            "must be different whole numbers from 1 to 1000",
            nameof(Factors)
        );
    public long Chains { get; } = Require.Between(2, 100_000, Chains);
    public long Reference { get; } = Require.Between(2, 100_000, Reference);

    public IMetric Build(Site site) => new LongRun(this);
}
