using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// The meaning of a network's output: the energy, or the energy times δ_t², as in the released code. With the latter, the drift of a Langevin step
/// is half the network's slope at every rung, and a log density is the output times 1/δ_t², which reaches 47,724.
/// </summary>
public enum EnergyScale
{
    Raw,
    OverStepSquared,
}

/// <summary>
/// w_t, the weight of a rung's contrast of network outputs: σ_1/σ_{t+1}, as in the released code; 1; or 1/δ_t², which is maximum likelihood if
/// outputs are energies times δ_t².
/// </summary>
public enum LossWeight
{
    SigmaRatio,
    One,
    InverseStepSquared,
}

/// <summary>
/// The unit of δ_t²: a_{t+1}² σ_{t+1}², the variance of the recovery density if x_t were N(0, I); the released code's c_t² σ_{t+1}² with c_t² =
/// noise_t/noise_0 (the ratio is not squared); or a_{t+1}² noise_t² σ_{t+1}²/noise_{t+1}², the variance of y_t given x_{t+1} and x₀, in which steps are stable also
/// where the lowest noise is far below the next.
/// </summary>
public enum StepUnit
{
    Recovery,
    NoiseRatio,
    Posterior,
}

/// <summary>The target of the last rung's chains: tethered as all others, or, as in the released code, the marginal of x_t, not rescaled.</summary>
public enum LastRung
{
    Tethered,
    Marginal,
}

/// <summary>
/// Recovery likelihood's tables, with one entry per energy t = 0 … Energies−1. Rung t joins levels t and t+1 of the noise schedule by x_{t+1} =
/// a_{t+1} x_t + σ_{t+1} ξ; its energy is a function of y_t = a_{t+1} x_t.
/// </summary>
public sealed class RecoveryTables : nn.Module
{
    readonly Tensor rise;

    /// <param name="step">ε_t = δ_t²/2 in this unit.</param>
    public RecoveryTables(NoiseSchedule noise, double step, StepUnit unit, EnergyScale energyScale, LossWeight weight, LastRung last)
        : base(nameof(RecoveryTables))
    {
        (Noise, Energies) = (noise, noise.Levels - 1);
        (rise, Sigma) = noise.Rises();
        (A, Tether) = (rise, Sigma);
        if (last == LastRung.Marginal)
        {
            // An infinite width removes the tether.
            (A, Tether) = (rise.clone(), Sigma.clone());
            A[-1] = tensor(1.0, dtype: A.dtype, device: A.device);
            Tether[-1] = tensor(double.PositiveInfinity, dtype: A.dtype, device: A.device);
        }
        var below = noise.Noise.narrow(0, 0, Energies);
        var c2 = unit switch
        {
            StepUnit.Recovery => A.square(),
            StepUnit.NoiseRatio => below / noise.Noise[0],
            StepUnit.Posterior => (A * below / noise.Noise.narrow(0, 1, Energies)).square(),
            _ => throw new ArgumentOutOfRangeException(nameof(unit), unit, "not a valid unit"),
        };
        StepSquared = 2 * step * c2 * Sigma.square();
        LogDensityScale = energyScale == EnergyScale.Raw ? ones_like(Sigma) : 1 / StepSquared;
        Weight = weight switch
        {
            LossWeight.SigmaRatio => Sigma[0] / Sigma,
            LossWeight.One => ones_like(Sigma),
            LossWeight.InverseStepSquared => 1 / StepSquared,
            _ => throw new ArgumentOutOfRangeException(nameof(weight), weight, "not a valid weight"),
        };
        register_buffer("log_density_scale", LogDensityScale);
    }

    public NoiseSchedule Noise { get; }
    public int Energies { get; }

    /// <summary>Signal and noise of y_t = a_{t+1} x_t, one level per energy: the schedule for level energies, whose input is y.</summary>
    public NoiseSchedule Below => new(A * Noise.Signal.narrow(0, 0, Energies), A * Noise.Noise.narrow(0, 0, Energies));

    /// <summary>a_{t+1}, of y_t = a x_t; 1 at a marginal last rung.</summary>
    public Tensor A { get; }

    /// <summary>σ_{t+1}, the spread of rung t.</summary>
    public Tensor Sigma { get; }

    /// <summary>σ_{t+1}, infinite without a tether.</summary>
    public Tensor Tether { get; }

    /// <summary>δ_t², in units of y²: b² c_t² σ_{t+1}² in the released code.</summary>
    public Tensor StepSquared { get; }

    /// <summary>Nats per unit of the network's output. Stored with the model, because the density needs this factor.</summary>
    public Tensor LogDensityScale { get; }

    /// <summary>w_t.</summary>
    public Tensor Weight { get; }

    /// <summary>y_t and x_{t+1} of rows x₀, with one rung per row: (B, …), (B) int64 → (B, …) twice.</summary>
    /// <param name="coupled">
    /// The same noise makes both, which lowers the variance of the contrast. E⁺ depends only on the distribution of y_t, and chains that start at
    /// x_{t+1} only on that of x_{t+1}, so the expected gradient does not change (as in CDRL's code).
    /// </param>
    public (Tensor Y, Tensor Above) Pair(Tensor x0, Tensor t, bool coupled, Rng rng)
    {
        var xi = rng.NormalLike(x0);
        var x = Noise.SignalAt(t, x0) * x0 + Noise.NoiseAt(t, x0) * xi;
        var above = coupled
            ? Noise.SignalAt(t + 1, x0) * x0 + Noise.NoiseAt(t + 1, x0) * xi
            : rise[t].PerRow(x) * x + Sigma[t].PerRow(x) * rng.NormalLike(x);
        return (A[t].PerRow(x) * x, above);
    }
}
