namespace Ebm.Core;

/// <summary>
/// Variance-preserving schedules, signal² = 1 − noise², whose levels are evenly spaced in a function of noise/signal; for data of unit scale. A geometric ladder
/// of noises up to almost 1 has rungs at the top that no chain crosses, because the signal falls there by large factors; these do not.
/// </summary>
public static class SignalSchedules
{
    /// <summary>Evenly spaced in log(signal²/noise²), the logarithm of the signal-to-noise ratio.</summary>
    /// <param name="low">Noise of level 0, in (0, 1).</param>
    /// <param name="high">Noise of the top level, in (0, 1).</param>
    public static NoiseSchedule LogSnr(double low, double high, int levels)
    {
        var (first, last) = (Math.Log(low / Math.Sqrt(1 - low * low)), Math.Log(high / Math.Sqrt(1 - high * high)));
        return Of(levels, share => Math.Atan(Math.Exp(first + (last - first) * share)));
    }

    /// <summary>
    /// Evenly spaced in the angle arctan(noise/signal), so that signal = cos and noise = sin of it. It is the cosine schedule of log-SNRs −2 log tan(angle) in
    /// the code of cooperative diffusion recovery likelihood.
    /// </summary>
    /// <param name="low">Noise of level 0, in (0, 1).</param>
    /// <param name="high">Noise of the top level, in (0, 1).</param>
    public static NoiseSchedule Angle(double low, double high, int levels)
    {
        var (first, last) = (Math.Asin(low), Math.Asin(high));
        return Of(levels, share => first + (last - first) * share);
    }

    static NoiseSchedule Of(int levels, Func<double, double> angle)
    {
        Tensor At(Func<double, double> value) =>
            tensor([.. Enumerable.Range(0, levels).Select(i => value(angle(i / (levels - 1.0))))], dtype: get_default_dtype());
        return new(At(Math.Cos), At(Math.Sin));
    }
}

/// <summary>Variance preserving, with levels evenly spaced in the logarithm of the signal-to-noise ratio; for data of unit scale.</summary>
/// <param name="Low">Noise of level 0.</param>
/// <param name="High">Noise of the top level, below 1.</param>
/// <param name="Levels">Number of levels.</param>
[Kind("log-snr")]
public sealed record LogSnrSpec(double Low = .1, double High = .99, int Levels = 22) : ISpec<NoiseSchedule>
{
    public double Low { get; } = Require.Positive(Low);
    public double High { get; } = Require.That(High, High > Low && High < 1, $"must be above the lowest noise, {Low}, and below 1");
    public int Levels { get; } = Require.Between(2, NoiseSchedule.Most, Levels);

    public NoiseSchedule Build(Site site) => SignalSchedules.LogSnr(Low, High, Levels).To(site.Device);
}

/// <summary>Variance preserving, with levels evenly spaced in arctan(noise/signal); for data of unit scale.</summary>
/// <param name="Low">Noise of level 0.</param>
/// <param name="High">Noise of the top level, below 1.</param>
/// <param name="Levels">Number of levels.</param>
[Kind("cosine")]
public sealed record CosineNoiseSpec(double Low = .01, double High = .99, int Levels = 7) : ISpec<NoiseSchedule>
{
    public double Low { get; } = Require.Positive(Low);
    public double High { get; } = Require.That(High, High > Low && High < 1, $"must be above the lowest noise, {Low}, and below 1");
    public int Levels { get; } = Require.Between(2, NoiseSchedule.Most, Levels);

    public NoiseSchedule Build(Site site) => SignalSchedules.Angle(Low, High, Levels).To(site.Device);
}
