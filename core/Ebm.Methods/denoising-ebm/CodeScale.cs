using Ebm.Core;

namespace Ebm.Methods;

/// <summary>
/// Standardises codes: L⁻¹(z − mean) with covariance LLᵀ. The moments are running averages in registered buffers. The codes keep mean 0 and
/// covariance I while their encoder learns, so chains that start at N(0, I) start among them.
/// </summary>
public sealed class CodeScale : nn.Module
{
    readonly Tensor mean,
        covariance;
    readonly double keep;
    float[] known = [];
    Tensor? factor;

    /// <param name="codes">Numbers in a code.</param>
    /// <param name="keep">Factor of the running moments at each batch, in [0, 1).</param>
    public CodeScale(long codes, Device device, double keep = .98)
        : base(nameof(CodeScale))
    {
        this.keep = keep;
        mean = zeros(codes, device: device);
        covariance = eye(codes, device: device);
        register_buffer("mean", mean);
        register_buffer("covariance", covariance);
    }

    /// <summary>(B, codes) → (B, codes).</summary>
    public Tensor Of(Tensor codes) => (codes - mean).matmul(Factor());

    // L⁻ᵀ, kept while the covariance has the same numbers, because a chain needs it at every step; a GPU computes it each time instead of reading them back.
    Tensor Factor()
    {
        if (!PlainMemory.Has(covariance))
            return Factorised();
        var now = PlainMemory.Of(covariance);
        if (factor is null || !now.SequenceEqual(known))
        {
            var next = Factorised();
            factor?.Dispose();
            (factor, known) = (next.DetachFromDisposeScope(), now.ToArray());
        }
        return factor;
    }

    Tensor Factorised()
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        // A code that the encoder ignores has no variance; adding a millionth of the mean variance keeps the matrix positive definite.
        var floor = 1e-6 * covariance.diagonal().mean() * eye(mean.shape[0], dtype: covariance.dtype, device: covariance.device);
        return linalg.inv(linalg.cholesky(covariance + floor)).t().MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            factor?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The distance of codes from N(0, I): the root mean square entry of mean z zᵀ − I, (B, codes) → scalar.</summary>
    public static Tensor Mismatch(Tensor codes) =>
        (codes.t().matmul(codes) / codes.shape[0] - eye(codes.shape[1], dtype: codes.dtype, device: codes.device)).square().mean().sqrt();

    /// <summary>Updates the moments with a batch.</summary>
    /// <param name="codes">(B, codes).</param>
    public void Learn(Tensor codes)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var seen = codes.detach();
        var centred = seen - seen.mean([0]);
        mean.mul_(keep).add_((1 - keep) * seen.mean([0]));
        covariance.mul_(keep).add_((1 - keep) / seen.shape[0] * centred.t().matmul(centred));
    }
}
