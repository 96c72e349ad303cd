namespace Ebm.Core;

/// <summary>
/// One step size per level, adapted towards an acceptance rate, in a registered buffer, so that checkpoints contain it. log ε_ℓ ← log ε_ℓ + gain
/// (mean acceptance at ℓ − target), within a factor <c>range</c> of the initial value: the lower bound keeps chains from freezing unnoticed.
/// </summary>
public sealed class StepSizes : nn.Module
{
    readonly Tensor log,
        first;
    readonly double target,
        gain,
        range;

    /// <param name="initial">ε_ℓ, (Levels), positive.</param>
    /// <param name="target">.574 is optimal for Metropolis-adjusted Langevin in high dimension, .65 for leapfrog.</param>
    /// <param name="gain">Change of log ε per unit of acceptance; 0 keeps step sizes fixed.</param>
    /// <param name="range">The factor, at least 1.</param>
    public StepSizes(Tensor initial, double target = .6, double gain = .1, double range = 100)
        : base(nameof(StepSizes))
    {
        (this.target, this.gain, this.range) = (target, gain, range);
        log = initial.log();
        first = initial.log();
        register_buffer("log_step", log);
        register_buffer("log_first", first);
    }

    /// <summary>ε of each chain: (B) int64 → (B).</summary>
    public Tensor For(Tensor level) => log[level].exp();

    /// <summary>ε of each level, (Levels).</summary>
    public Tensor All => log.exp();

    /// <summary>Adapts to one step of the chains; levels without chains keep their step size.</summary>
    /// <param name="level">(B) int64.</param>
    /// <param name="accepted">(B), in [0, 1].</param>
    public void Learn(Tensor level, Tensor accepted)
    {
        if (gain == 0)
            return;
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var excess = zeros_like(log).index_add_(0, level, (accepted - target).to(log.dtype), 1);
        var visits = zeros_like(log).index_add_(0, level, ones_like(accepted).to(log.dtype), 1);
        var moved = log + gain * excess / visits.clamp(min: 1);
        log.copy_(minimum(maximum(moved, first - Math.Log(range)), first + Math.Log(range)));
    }
}
