namespace Ebm.Core;

/// <summary>An estimate of log(Z₁/Z₀), in nats.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Se">Its standard error by the delta method; reliable only if <paramref name="Ess"/> is large.</param>
/// <param name="Ess">The effective sample size (Σw)² / Σw², between 1 and the number of rows. It is an estimate too, and too high if the weights
/// have a tail that was not sampled.</param>
/// <param name="N">Rows.</param>
public sealed record LogRatio(double Value, double Se, double Ess, long N);

/// <summary>
/// Ratios of normalisers from samples of their densities. With p̃₀ and p̃₁ not normalised and r = log(p̃₁/p̃₀),
/// <code>log(Z₁/Z₀) = log E₀[exp(r)] = −log E₁[exp(−r)]</code>
/// On average the first estimate is too low and the second too high (Jensen), so together they bracket the ratio. Bennett's acceptance ratio uses
/// the rows of both and has the least variance of all such estimates. The same holds if r is the log weight of an annealing run, forward from p₀ or
/// reverse from p₁ (Crooks 2000).
/// </summary>
public static class Normalisers
{
    /// <summary>log E₀[exp(r)]: importance sampling or annealed importance sampling.</summary>
    /// <param name="logWeights">r at rows of p₀: (n), at least 2, −∞ where p₁ is zero.</param>
    public static LogRatio Forward(Tensor logWeights)
    {
        using var scope = NewDisposeScope();
        var log = Host(logWeights);
        var n = log.shape[0];
        var first = log.logsumexp(0).item<double>();
        var ess = Math.Exp(2 * first - (2 * log).logsumexp(0).item<double>());
        // var(w̄)/w̄², with the variance of n weights taken with n − 1.
        return new(first - Math.Log(n), Math.Sqrt(Math.Max(0, n / ess - 1) / (n - 1)), ess, n);
    }

    /// <summary>−log E₁[exp(−r)]: the reverse estimate.</summary>
    /// <param name="logWeights">r at rows of p₁: (m), at least 2.</param>
    public static LogRatio Reverse(Tensor logWeights)
    {
        using var scope = NewDisposeScope();
        var mirrored = Forward(-logWeights);
        return mirrored with { Value = -mirrored.Value };
    }

    /// <summary>
    /// Bennett's acceptance ratio: the Δ = log(Z₁/Z₀) for which the log ratio is a calibrated classifier of the two samples,
    /// <code>Σ₀ σ(r − Δ + log(m/n)) = Σ₁ σ(Δ − r − log(m/n))
    /// var(Δ) = 1/Σ₀₊₁ σ(1 − σ) − 1/n − 1/m</code>
    /// (Bennett 1976; the variance as Shirts, Bair, Hooker and Pande 2003 derive it from logistic regression).
    /// </summary>
    /// <param name="forward">r at rows of p₀: (n).</param>
    /// <param name="reverse">r at rows of p₁: (m).</param>
    /// <returns>Its Ess is Σ₀₊₁ 4σ(1 − σ): n + m if p₀ and p₁ are equal, near 0 if they do not overlap.</returns>
    public static LogRatio Bar(Tensor forward, Tensor reverse)
    {
        using var scope = NewDisposeScope();
        var (f, r) = (Host(forward), Host(reverse));
        var (n, m) = ((double)f.shape[0], (double)r.shape[0]);
        var all = cat([f, r], 0);
        // The left side minus the right decreases in Δ; bisection finds the root even if it drops steeply, as with samples that do not overlap.
        double low = all[all.isfinite()].min().item<double>() - 1 + Math.Log(m / n),
            high = all.max().item<double>() + 1 + Math.Log(m / n);
        (low, high) = (low - Math.Log(n + m), high + Math.Log(n + m));
        for (var i = 0; i < 100 && high - low > 1e-12 * (1 + Math.Abs(low)); i++)
        {
            using var inner = NewDisposeScope();
            var middle = (low + high) / 2;
            var excess = (f - middle + Math.Log(m / n)).sigmoid().sum() - (middle - r - Math.Log(m / n)).sigmoid().sum();
            if (excess.item<double>() > 0)
                low = middle;
            else
                high = middle;
        }
        var delta = (low + high) / 2;
        var probability = (all - delta + Math.Log(m / n)).sigmoid();
        var information = (probability * (1 - probability)).sum().item<double>();
        return new(delta, Math.Sqrt(Math.Max(0, 1 / information - 1 / n - 1 / m)), 4 * information, f.shape[0] + r.shape[0]);
    }

    /// <summary>float64 on the host: sums of exponentials lose too much in single precision.</summary>
    static Tensor Host(Tensor logWeights)
    {
        if (logWeights.ndim != 1 || logWeights.shape[0] < 2)
            throw new ArgumentException(
                $"log ratios must be one number per row, for two rows or more; these have the shape ({string.Join(", ", logWeights.shape)})"
            );
        var host = logWeights.detach().to(float64).cpu();
        if (host.isnan().any().item<bool>() || host.isposinf().any().item<bool>())
            throw new ArgumentException("a log ratio is NaN or +∞: an energy is not finite at one of its own rows");
        if (!host.isfinite().any().item<bool>())
            throw new ArgumentException("no log ratio is finite: the two densities have no row in common");
        return host;
    }
}
