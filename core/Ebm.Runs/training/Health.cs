using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using Ebm.Core;

namespace Ebm.Runs;

// Divergence is an outcome: training ends, and tables show the step and the reason. Some divergence is obvious, such as a NaN. Some is silent:
// chains freeze and the gap between energies grows without bound, while the loss stays finite. Silent divergence is detected from values that
// methods record under these generic names, all optional:
//   gap           E of positives − E of negatives          magnitude     mean |E|
//   accepted      share of accepted proposals              displacement  how far chains moved in one round
//   step          the sampler's step size

/// <summary>When training counts as diverged. Decisions use medians over windows of records, never single records.</summary>
/// <param name="Loss">Largest absolute loss.</param>
/// <param name="Window">Number of records in a window.</param>
/// <param name="Growth">Energies explode if |E| is this many times its value of the window before,</param>
/// <param name="Energy">unless it is below this many nats per dimension, where growth is part of learning.</param>
/// <param name="Gap">Frozen chains with a gap of more nats per dimension than this are a runaway.</param>
/// <param name="Accepted">Chains with a lower acceptance are frozen.</param>
/// <param name="Shrunk">Chains are frozen if their step size or displacement falls to this share of its highest value.</param>
/// <param name="Stuck">With a lower acceptance than this, a sampler does not sample at all, whatever the gap.</param>
public sealed record HealthSpec(
    double Loss = 1e8,
    int Window = 10,
    double Growth = 10,
    double Energy = 1000,
    double Gap = 5,
    double Accepted = 0.05,
    double Shrunk = 0.01,
    double Stuck = 0.001
)
{
    public double Loss { get; } = Require.Positive(Loss);
    public int Window { get; } = Require.Between(2, 100_000, Window);
    public double Growth { get; } = Require.That(Growth, Growth > 1, "must be more than 1");
    public double Energy { get; } = Require.Positive(Energy);
    public double Gap { get; } = Require.Positive(Gap);
    public double Accepted { get; } = Require.Between(0, 1, Accepted);
    public double Shrunk { get; } = Require.Between(0, 1, Shrunk);
    public double Stuck { get; } = Require.Between(0, 1, Stuck);
}

/// <summary>Checks a run for divergence. Its windows are part of a checkpoint.</summary>
/// <param name="dimension">Numbers in one row.</param>
public sealed class Health(HealthSpec spec, long dimension)
{
    readonly SortedDictionary<string, Series> series = new(StringComparer.Ordinal);

    /// <summary>The first reason found why training has diverged; null if it has not.</summary>
    public string? Diverged { get; private set; }

    /// <summary>Checks an update before it is applied.</summary>
    /// <param name="norm">Norm of the part's gradient.</param>
    /// <returns>The reason why training has diverged, or null.</returns>
    public string? Of(string part, double loss, double norm) =>
        Noted(
            !double.IsFinite(loss) ? $"the loss of {part} is {Show(loss)}"
            : Math.Abs(loss) > spec.Loss ? $"the loss of {part} is {Show(loss)}, beyond {Show(spec.Loss)}"
            : !double.IsFinite(norm) ? $"the gradient of {part} has norm {Show(norm)}"
            : null
        );

    /// <summary>Checks a record.</summary>
    /// <param name="norm">Norm of the part's parameters.</param>
    /// <param name="watched">Values of the part's last update; NaN entries are ignored.</param>
    /// <returns>The reason why training has diverged, or null.</returns>
    public string? Of(string part, double norm, IEnumerable<(string Name, double[] Values)> watched) => Noted(Silent(part, norm, watched));

    /// <summary>Checks an exception from libtorch.</summary>
    /// <returns>The reason why training has diverged; null if the error has another cause than the numbers.</returns>
    public string? Of(ExternalException error) => Noted(NumericalException.Reason(error));

    /// <summary>Notes that the numbers failed elsewhere.</summary>
    public void Fail(string reason) => Noted(reason);

    string? Noted(string? reason)
    {
        Diverged ??= reason;
        return reason;
    }

    string? Silent(string part, double norm, IEnumerable<(string Name, double[] Values)> watched)
    {
        if (!double.IsFinite(norm))
            return $"the parameters of {part} have norm {Show(norm)}";
        foreach (var (name, values) in watched)
        {
            if (name is not ("gap" or "accepted" or "magnitude" or "displacement" or "step"))
                continue;
            var visited = values.Where(v => !double.IsNaN(v)).ToArray();
            if (visited.Any(double.IsInfinity))
                return $"{part}/{name} is infinite";
            if (visited.Length > 0)
                Follow($"{part}/{name}").Add(Math.Abs(visited.Average()), spec.Window);
        }
        return Explosion(part) ?? Stuck(part) ?? Runaway(part);
    }

    string? Explosion(string part) =>
        Known(part, "magnitude") is { Before: { } before } magnitude
        && magnitude.Now > spec.Energy * dimension
        && magnitude.Now > spec.Growth * before
            ? $"energies grew from {Show(before)} to {Show(magnitude.Now)} nats within {spec.Window} records"
            : null;

    string? Stuck(string part) =>
        Known(part, "accepted") is { } accepted && accepted.Now < spec.Stuck
            ? $"chains are stuck: {Show(accepted.Now)} of the proposals were accepted over {spec.Window} records"
            : null;

    string? Runaway(string part) =>
        Known(part, "gap") is { } gap && gap.Now > spec.Gap * dimension && Frozen(part) is { } frozen
            ? $"a silent runaway: {frozen} while the gap between energies grew to {Show(gap.Now)} nats"
            : null;

    string? Frozen(string part) =>
        Known(part, "accepted") is { } accepted && accepted.Now < spec.Accepted ? $"acceptance fell to {Show(accepted.Now)}"
        : Known(part, "step") is { } step && step.Now < spec.Shrunk * step.Highest
            ? $"the step shrank from {Show(step.Highest)} to {Show(step.Now)}"
        : Known(part, "displacement") is { } moved && moved.Now < spec.Shrunk * moved.Highest
            ? $"the chains' displacement shrank from {Show(moved.Highest)} to {Show(moved.Now)}"
        : null;

    /// <summary>Null until the first window is full.</summary>
    Series? Known(string part, string name) =>
        series.GetValueOrDefault($"{part}/{name}") is { } known && known.Recent.Count >= spec.Window ? known : null;

    Series Follow(string name) => series.TryGetValue(name, out var known) ? known : series[name] = new Series();

    /// <summary>The windows, by <c>part/name</c>, in ordinal order.</summary>
    public IReadOnlyDictionary<string, Window> Memory() =>
        new SortedDictionary<string, Window>(series.ToDictionary(s => s.Key, s => s.Value.Memory()), StringComparer.Ordinal);

    public void Remember(IReadOnlyDictionary<string, Window> memory)
    {
        series.Clear();
        foreach (var (name, window) in memory)
            series[name] = Series.Of(window);
    }

    static string Show(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>The last two windows of one watched value, their medians, and the highest value so far.</summary>
    sealed class Series
    {
        public List<double> Recent { get; } = [];
        public double Now { get; private set; }
        public double? Before { get; private set; }
        public double Highest { get; private set; }

        public void Add(double value, int window)
        {
            Recent.Add(value);
            Highest = Math.Max(Highest, value);
            if (Recent.Count > 2 * window)
                Recent.RemoveAt(0);
            if (Recent.Count < window)
                return;
            Now = Median(Recent[^window..]);
            Before = Recent.Count == 2 * window ? Median(Recent[..window]) : null;
        }

        static double Median(List<double> values)
        {
            values.Sort();
            return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
        }

        public Window Memory() => new([.. Recent], Now, Before, Highest);

        public static Series Of(Window memory)
        {
            var series = new Series
            {
                Now = memory.Now,
                Before = memory.Before,
                Highest = memory.Highest,
            };
            series.Recent.AddRange(memory.Recent);
            return series;
        }
    }
}

/// <summary>The memory of one watched value.</summary>
/// <param name="Recent">The values of the last two windows, oldest first.</param>
/// <param name="Now">The median of the last window; 0 until it is full.</param>
/// <param name="Before">The median of the window before; null until that is full.</param>
/// <param name="Highest">The highest value so far.</param>
public sealed record Window(
    IReadOnlyList<double> Recent,
    double Now,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Before,
    double Highest
);
