namespace Ebm.Core;

/// <summary>
/// Noise schedules over the 1000 steps of denoising diffusion (Ho, Jain, Abbeel 2020): β rises linearly from 1e-4 to 0.02, and each step keeps √(1
/// − β) of the signal. Each level is one of these steps: signal = Π √(1 − β) over all steps up to it, noise² = 1 − signal². Level 0 already has
/// noise .01.
/// </summary>
public static class BetaSchedules
{
    public const int Steps = 1000;

    /// <summary>
    /// The schedule of diffusion recovery likelihood's released code: energies at steps 0, s, 2s, … with stride s = 1000 / 2(T − 1) rounded
    /// down, and a last level at step 999. With T = 6 it is T6: steps 0, 100, …, 500, 999.
    /// </summary>
    /// <param name="energies">T, from 2 to 501; the schedule has T + 1 levels.</param>
    /// <exception cref="SettingException">The stride would be 0, and so would every σ; the released function fails for T = 1000 too.</exception>
    public static NoiseSchedule Released(int energies)
    {
        var stride = energies < 2 ? 0 : (int)(Steps / (2 * (energies - 1L)));
        if (stride == 0)
            throw new SettingException(
                nameof(energies),
                $"must be between 2 and 501: with {energies} the released schedule's stride, 1000 / 2(T − 1) rounded down, is not "
                    + "positive, so all levels would be the same; kind: ddpm allows up to 1000 levels"
            );
        return At([.. Enumerable.Range(0, energies).Select(i => i * stride), Steps - 1]);
    }

    /// <summary>Levels at evenly spaced steps from 0 to 999; 1000 levels use every step.</summary>
    /// <param name="levels">From 2 to 1000.</param>
    public static NoiseSchedule Ddpm(int levels) =>
        At([.. Enumerable.Range(0, levels).Select(i => (int)Math.Round(i * (Steps - 1) / (levels - 1.0)))]);

    static NoiseSchedule At(int[] steps)
    {
        var signal = new double[Steps];
        var kept = 1.0;
        for (var i = 0; i < Steps; i++)
            signal[i] = Math.Sqrt(kept *= 1 - (1e-4 + (.02 - 1e-4) * i / (Steps - 1)));
        Tensor Of(Func<double, double> value) => tensor(steps.Select(i => value(signal[i])).ToArray(), dtype: get_default_dtype());
        return new(Of(s => s), Of(s => Math.Sqrt(1 - s * s)));
    }
}

/// <summary>The schedule of recovery likelihood's released code, over DDPM's betas; for data of unit scale.</summary>
/// <param name="Energies">T: energies below the last level, 2 to 501. The paper's T6 has 6.</param>
[Kind("t6")]
public sealed record T6Spec(int Energies = 6) : ISpec<NoiseSchedule>
{
    public int Energies { get; } = BetaSchedules.Released(Energies).Levels - 1;

    public NoiseSchedule Build(Site site) => BetaSchedules.Released(Energies).To(site.Device);
}

/// <summary>Levels evenly spaced over DDPM's 1000 steps; for data of unit scale.</summary>
/// <param name="Levels">2 to 1000.</param>
[Kind("ddpm")]
public sealed record DdpmSpec(int Levels = 1000) : ISpec<NoiseSchedule>
{
    public int Levels { get; } = Require.Between(2, BetaSchedules.Steps, Levels);

    public NoiseSchedule Build(Site site) => BetaSchedules.Ddpm(Levels).To(site.Device);
}
