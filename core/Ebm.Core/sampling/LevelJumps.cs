namespace Ebm.Core;

/// <summary>
/// How often chains move from level i to level j in one draw of the level: exponentially decaying counts in a registered buffer.
/// </summary>
public sealed class LevelJumps : nn.Module
{
    readonly Tensor counts;
    readonly double keep;

    /// <param name="keep">Factor of the old counts at each recording, in [0, 1).</param>
    public LevelJumps(int levels, Device device, double keep = .99)
        : base(nameof(LevelJumps))
    {
        this.keep = keep;
        counts = zeros(levels, levels, device: device);
        register_buffer("counts", counts);
    }

    /// <param name="from">(B) int64.</param>
    /// <param name="to">(B) int64.</param>
    public void Record(Tensor from, Tensor to)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var levels = counts.shape[0];
        counts.mul_(keep);
        counts.view(-1).index_add_(0, from * levels + to, ones(from.shape[0], dtype: counts.dtype, device: counts.device), 1);
    }

    /// <summary>p(j | i), (Levels, Levels); NaN where no jump was recorded.</summary>
    public Tensor Matrix => where(counts > 0, counts / counts.sum(1, keepdim: true), full_like(counts, double.NaN));
}
