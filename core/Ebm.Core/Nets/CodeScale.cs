namespace Ebm.Core;

/// <summary>
/// Codes in units of their own spread: running mean and variance, registered buffers, so that codes of mean 0 and variance 1 stay that
/// while the encoder learns, and a chain that begins at N(0, I) begins among them.
/// </summary>
public sealed class CodeScale : nn.Module
{
    readonly Tensor mean, variance;
    readonly double keep;

    /// <param name="codes">Numbers in a code.</param>
    /// <param name="keep">Share of the running values kept per batch, in [0, 1).</param>
    public CodeScale(long codes, Device device, double keep = .98) : base(nameof(CodeScale))
    {
        this.keep = keep;
        mean = zeros(codes, device: device);
        variance = ones(codes, device: device);
        register_buffer("mean", mean);
        register_buffer("variance", variance);
    }

    /// <summary>(B, codes) → (B, codes).</summary>
    public Tensor Of(Tensor codes) => (codes - mean) / (variance + 1e-8).sqrt();

    /// <summary>Follows a batch.</summary>
    /// <param name="codes">(B, codes).</param>
    public void Learn(Tensor codes)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var seen = codes.detach();
        var centre = seen.mean([0]);
        mean.mul_(keep).add_((1 - keep) * centre);
        variance.mul_(keep).add_((1 - keep) * (seen - centre).square().mean([0]));
    }
}
