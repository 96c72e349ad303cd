namespace Ebm.Core;

/// <summary>
/// x_ℓ = signal_ℓ · x_0 + noise_ℓ · ξ, ξ ~ N(0, I), for levels ℓ = 0 … Levels−1; level 0 has the least noise.
/// </summary>
/// <param name="Signal">(Levels), in [0, 1].</param>
/// <param name="Noise">(Levels), increasing, in units of the data.</param>
public sealed record NoiseSchedule(Tensor Signal, Tensor Noise)
{
    public int Levels => (int)Signal.shape[0];

    /// <summary>Draws rows at their levels: (B, …), (B) int64 → (B, …).</summary>
    public Tensor Diffuse(Tensor x0, Tensor level, Rng rng) => At(Signal, level, x0) * x0 + At(Noise, level, x0) * rng.NormalLike(x0);

    /// <summary>
    /// One rung: x_{ℓ+1} = scale · x_ℓ + spread · ξ, for both variance-exploding and variance-preserving schedules. scale = signal_{ℓ+1} / signal_ℓ
    /// and spread² = noise_{ℓ+1}² − scale² noise_ℓ².
    /// </summary>
    /// <param name="level">(B) int64, below the top.</param>
    /// <returns>(B) and (B).</returns>
    /// <exception cref="ArgumentOutOfRangeException">A level is the top level.</exception>
    public (Tensor Scale, Tensor Spread) Rise(Tensor level)
    {
        // Reading a level back would stop a GPU, where the index fails by itself.
        if (level.device_type == DeviceType.CPU && level.max().item<long>() is var top && top >= Levels - 1)
            throw new ArgumentOutOfRangeException(
                nameof(level),
                $"level {top} is the top of {Levels} levels; only levels 0 to {Levels - 2} have a rung above them"
            );
        return Above(level);
    }

    /// <summary>All rungs: (Levels − 1) and (Levels − 1). It reads no values, so it also works with meta tensors.</summary>
    public (Tensor Scale, Tensor Spread) Rises() => Above(arange(Levels - 1, dtype: int64, device: Signal.device));

    (Tensor Scale, Tensor Spread) Above(Tensor level)
    {
        var scale = Signal[level + 1] / Signal[level];
        return (scale, (Noise[level + 1].square() - (scale * Noise[level]).square()).sqrt());
    }

    /// <summary>Tweedie's estimate of the clean row, for rows at level 0: E[x₀ | x] = (x − noise₀² ∇E(x, 0)) / signal₀.</summary>
    /// <param name="lowest">E(·, 0).</param>
    public Tensor Clean(Tensor x, Energy lowest) => (x - Noise[0].square() * lowest.WithSlope(x).Slope) / Signal[0];

    /// <summary>The signal of each row's level, shaped to broadcast over the rows.</summary>
    public Tensor SignalAt(Tensor level, Tensor rows) => At(Signal, level, rows);

    /// <summary>The noise of each row's level, shaped to broadcast over the rows.</summary>
    public Tensor NoiseAt(Tensor level, Tensor rows) => At(Noise, level, rows);

    /// <summary>Equal shares of rows for all levels, and what the lowest and the top have beyond them: (Levels), which sum to 1.</summary>
    /// <param name="ends">The share of both ends together beyond the equal ones, from 0 to 1.</param>
    public Tensor Shares(double ends)
    {
        var shares = full([Levels], (1 - ends) / Levels, dtype: float64, device: Signal.device);
        shares[0] += ends / 2;
        shares[-1] += ends / 2;
        return shares;
    }

    public NoiseSchedule To(Device device) => new(Signal.to(device), Noise.to(device));

    public NoiseSchedule To(ScalarType dtype) => new(Signal.to(dtype), Noise.to(dtype));

    /// <summary>Variance exploding: signal 1, noise geometric from low to high, with an optional clean level below them.</summary>
    public static NoiseSchedule Geometric(double low, double high, int levels, double? clean = null) =>
        Of(clean is { } below ? [below, .. Geometrically(low, high, levels - 1)] : Geometrically(low, high, levels), _ => 1);

    /// <summary>
    /// Variance preserving, signal² = 1 − noise²: noise geometric from low to high, then the top level, which is almost N(0, I), with noise
    /// <see cref="TopNoise"/>; with an optional clean level below them.
    /// </summary>
    public static NoiseSchedule VariancePreserving(double low, double high, int levels, double? clean = null) =>
        Of(
            clean is { } below
                ? [below, .. Geometrically(low, high, levels - 2), TopNoise]
                : [.. Geometrically(low, high, levels - 1), TopNoise],
            s => Math.Sqrt(1 - s * s)
        );

    /// <summary>Less than 1, so that a signal of .014 remains and each level has a rung to the top.</summary>
    public const double TopNoise = .9999;

    /// <summary>
    /// The number of levels with which the draw of the level mixes: neighbours at log-variance distance δ = 2/√d have a divergence of about d δ²/4
    /// = 1, so the ladder needs T ≈ (√d/2) ln(v_max/v_min) steps, plus one level and the top.
    /// </summary>
    /// <param name="size">d, numbers in one row.</param>
    /// <param name="low">Noise of level 0, positive.</param>
    /// <param name="high">Noise of the highest geometric level.</param>
    /// <exception cref="SettingException">The number exceeds <see cref="Most"/>.</exception>
    public static int LevelsFor(long size, double low, double high)
    {
        var steps = Math.Ceiling(Math.Sqrt(size) * Math.Log(high / low));
        return steps <= Most - 2
            ? Math.Max(2, (int)steps + 1) + 1
            : throw new SettingException(
                "levels",
                $"is not set, and noise {low} to {high} in {size} dimensions needs {steps + 2:0} levels; at most {Most} are allowed. Raise low, or set levels"
            );
    }

    /// <summary>The largest number of levels; a table of jumps between levels grows with its square.</summary>
    public const int Most = 10_000;

    static Tensor At(Tensor array, Tensor level, Tensor rows) => array[level].to(rows.dtype).PerRow(rows);

    static NoiseSchedule Of(IReadOnlyList<double> noise, Func<double, double> signal) =>
        new(tensor(noise.Select(signal).ToArray(), dtype: get_default_dtype()), tensor(noise.ToArray(), dtype: get_default_dtype()));

    static double[] Geometrically(double low, double high, int count) =>
        [.. Enumerable.Range(0, count).Select(i => count == 1 ? low : low * Math.Pow(high / low, i / (count - 1.0)))];
}

/// <summary>A schedule that may have a level 0 without noise, which methods that divide by the noise refuse.</summary>
public interface IMayBeClean
{
    /// <summary>Noise of an additional lowest level; null: no such level.</summary>
    double? Clean { get; }

    /// <summary>Throws if the schedule has a level without noise.</summary>
    /// <param name="because">What cannot be computed there: "score matching divides by the noise".</param>
    static ISpec<NoiseSchedule> Refuse(ISpec<NoiseSchedule> noise, string because) =>
        noise is IMayBeClean { Clean: 0 }
            ? throw new SettingException(
                nameof(noise),
                $"has a level without noise (clean: 0), and {because}; leave clean out, or give it a small positive value"
            )
            : noise;
}

/// <summary>Noise geometric from low to high, signal 1.</summary>
/// <param name="Low">Noise of the cleanest geometric level, in units of the data.</param>
/// <param name="High">Noise of the top level; should be several times the spread of the data.</param>
/// <param name="Levels">Number of levels; unset: as many as the level draw needs in the data's dimension.</param>
/// <param name="Clean">Noise of an additional level below the geometric ones, which may be 0; unset: no such level. With two levels in all, the other one has
/// the noise low.</param>
[Kind("geometric")]
public sealed record GeometricSpec(double Low = .01, double High = 3, int? Levels = null, double? Clean = null)
    : ISpec<NoiseSchedule>,
        IMayBeClean
{
    public double Low { get; } = Require.Positive(Low);
    public double? Clean { get; } =
        Require.That(
            Require.NonNegative(Clean),
            Clean is null || Clean < Low,
            $"must be below the lowest geometric noise, {Low}",
            nameof(Clean)
        );
    public double High { get; } =
        Require.That(High, High > Low && float.IsFinite((float)High), $"is the top level's noise and must exceed the lowest, {Low}");
    public int? Levels { get; } = Require.Between(2, NoiseSchedule.Most, Levels);

    public NoiseSchedule Build(Site site) =>
        NoiseSchedule.Geometric(Low, High, Levels ?? NoiseSchedule.LevelsFor(site.Shape.Size(), Low, High), Clean).To(site.Device);
}

/// <summary>Noise geometric from low to high, then almost pure noise, with signal² = 1 − noise²; for data of unit scale.</summary>
/// <param name="Low">Noise of the cleanest level.</param>
/// <param name="High">Noise of the second highest level, below 1.</param>
/// <param name="Levels">Number of levels; unset: as many as the level draw needs in the data's dimension.</param>
/// <param name="Clean">Noise of an additional level below the geometric ones, which may be 0; unset: no such level.</param>
[Kind("variance-preserving")]
public sealed record VariancePreservingSpec(double Low = .03, double High = .95, int? Levels = null, double? Clean = null)
    : ISpec<NoiseSchedule>,
        IMayBeClean
{
    public double Low { get; } = Require.Positive(Low);
    public double? Clean { get; } =
        Require.That(
            Require.NonNegative(Clean),
            Clean is null || Clean < Low,
            $"must be below the lowest geometric noise, {Low}",
            nameof(Clean)
        );
    public double High { get; } =
        Require.That(
            High,
            High > Low && High < NoiseSchedule.TopNoise,
            $"must be above the lowest noise, {Low}, and below the top level's, {NoiseSchedule.TopNoise}"
        );
    public int? Levels { get; } = Require.Between(Clean is null ? 3 : 4, NoiseSchedule.Most, Levels);

    public NoiseSchedule Build(Site site) =>
        NoiseSchedule
            .VariancePreserving(Low, High, Levels ?? NoiseSchedule.LevelsFor(site.Shape.Size(), Low, High) + (Clean is null ? 0 : 1), Clean)
            .To(site.Device);
}
