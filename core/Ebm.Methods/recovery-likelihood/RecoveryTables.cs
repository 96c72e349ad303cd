using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// What a network's output is: the energy itself, or the energy times δ_t², as in the released code: the drift of a Langevin step is then
/// half the network's slope at every rung, and a log density is the output times 1/δ_t², which reaches 47,724.
/// </summary>
public enum EnergyScale
{
    Raw,
    OverStepSquared,
}

/// <summary>
/// w_t of a rung's contrast of network outputs: σ_1/σ_{t+1}, the released code's; 1; or 1/δ_t², which is maximum likelihood where outputs
/// are energies times δ_t².
/// </summary>
public enum LossWeight
{
    SigmaRatio,
    One,
    InverseStepSquared,
}

/// <summary>
/// What δ_t² is in units of: a_{t+1}² σ_{t+1}², the recovery density's variance were x_t N(0, I), or the released code's
/// c_t² σ_{t+1}² with c_t² = noise_t/noise_0, the ratio itself and not its square.
/// </summary>
public enum StepUnit
{
    Recovery,
    NoiseRatio,
}

/// <summary>The last rung's chains: tethered as all others, or, as in the released code, of the marginal of x_t, not rescaled.</summary>
public enum LastRung
{
    Tethered,
    Marginal,
}

/// <summary>
/// Recovery likelihood's tables, an entry for each energy t = 0 … Energies−1: rung t joins levels t and t+1 of the noise schedule by
/// x_{t+1} = a_{t+1} x_t + σ_{t+1} ξ, and its energy is one of y_t = a_{t+1} x_t.
/// </summary>
public sealed class RecoveryTables : nn.Module
{
    readonly Tensor rise;

    /// <param name="step">ε_t = δ_t²/2 in those units.</param>
    public RecoveryTables(NoiseSchedule noise, double step, StepUnit unit, EnergyScale energyScale, LossWeight weight, LastRung last)
        : base(nameof(RecoveryTables))
    {
        (Noise, Energies) = (noise, noise.Levels - 1);
        (rise, Sigma) = noise.Rises();
        (A, Tether) = (rise, Sigma);
        if (last == LastRung.Marginal)
        {
            // An infinitely wide tether is none.
            (A, Tether) = (rise.clone(), Sigma.clone());
            A[-1] = tensor(1.0, dtype: A.dtype, device: A.device);
            Tether[-1] = tensor(double.PositiveInfinity, dtype: A.dtype, device: A.device);
        }
        var c2 = unit == StepUnit.NoiseRatio ? noise.Noise.narrow(0, 0, Energies) / noise.Noise[0] : A.square();
        StepSquared = 2 * step * c2 * Sigma.square();
        LogDensityScale = energyScale == EnergyScale.Raw ? ones_like(Sigma) : 1 / StepSquared;
        Weight = weight switch
        {
            LossWeight.SigmaRatio => Sigma[0] / Sigma,
            LossWeight.One => ones_like(Sigma),
            LossWeight.InverseStepSquared => 1 / StepSquared,
            _ => throw new ArgumentOutOfRangeException(nameof(weight), weight, "is not a weight"),
        };
        register_buffer("log_density_scale", LogDensityScale);
    }

    public NoiseSchedule Noise { get; }
    public int Energies { get; }

    /// <summary>Signal and noise of y_t = a_{t+1} x_t, a level for each energy: what level energies are told, for they see y.</summary>
    public NoiseSchedule Below => new(A * Noise.Signal.narrow(0, 0, Energies), A * Noise.Noise.narrow(0, 0, Energies));

    /// <summary>a_{t+1}, of y_t = a x_t; 1 at a marginal last rung.</summary>
    public Tensor A { get; }

    /// <summary>σ_{t+1}, the spread of rung t.</summary>
    public Tensor Sigma { get; }

    /// <summary>σ_{t+1}, infinite where there is no tether.</summary>
    public Tensor Tether { get; }

    /// <summary>δ_t², in units of y²: b² c_t² σ_{t+1}² in the released code.</summary>
    public Tensor StepSquared { get; }

    /// <summary>Nats per unit of the network's output; stored with the model, for a density read without it is wrong by so much.</summary>
    public Tensor LogDensityScale { get; }

    /// <summary>w_t.</summary>
    public Tensor Weight { get; }

    /// <summary>y_t and x_{t+1} of rows x₀, each at its own rung: (B, …), (B) int64 → (B, …) twice.</summary>
    /// <param name="coupled">
    /// One noise makes both, which takes variance out of the contrast. E⁺ looks only at the law of y_t, and chains that begin at x_{t+1}
    /// only at the law of x_{t+1}, so the expected gradient stays as it was (the trick of CDRL's code).
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
