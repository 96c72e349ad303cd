namespace Ebm.Core;

/// <summary>
/// Convergence diagnostics of chains from one number per chain and step: (chains, steps), at least 2 by 8. The formulas are those of Gelman et al.,
/// Bayesian Data Analysis (3rd ed., ch. 11), as Vehtari et al. (2021) restate them, without rank normalisation.
/// <code>W = mean variance within a chain,   var⁺ = (n − 1)/n W + variance of the chains' means
/// R̂ = √(var⁺ / W),   ρ_t = 1 − (W − mean autocovariance at lag t) / var⁺,   τ = 1 + 2 Σ_t ρ_t</code>
/// </summary>
public static class Mixing
{
    /// <summary>
    /// Split R̂, near 1 if chains agree and do not drift, and the autocorrelation time τ, the number of steps worth one independent draw: (1 +
    /// φ)/(1 − φ) for an autoregression with coefficient φ, more if chains differ. Standard errors are by the jackknife over chains.
    /// </summary>
    public static (double RHat, double RHatSe, double Time, double TimeSe) WithErrors(Tensor traces)
    {
        using var scope = NewDisposeScope();
        var all = new Moments(Halves(traces));
        var chains = (int)traces.shape[0];
        var without = Enumerable.Range(0, chains).Select(all.Without).ToArray();
        double Error(Func<Moments, double> statistic)
        {
            var values = without.Select(statistic).ToArray();
            var mean = values.Average();
            return chains < 3 ? double.PositiveInfinity : Math.Sqrt((chains - 1.0) / chains * values.Sum(v => (v - mean) * (v - mean)));
        }
        return (RHat(all), Error(RHat), Time(all), Error(Time));
    }

    /// <summary>(m, n) → (2m, n/2): rows i and m + i are the halves of chain i. The middle step of an odd number is dropped.</summary>
    static Tensor Halves(Tensor traces)
    {
        if (traces.ndim != 2 || traces.shape[0] < 2 || traces.shape[1] < 8)
            throw new ArgumentException($"traces must be (chains, steps), at least 2 by 8; these are ({string.Join(", ", traces.shape)})");
        var half = traces.shape[1] / 2;
        return cat([traces.narrow(1, 0, half), traces.narrow(1, traces.shape[1] - half, half)], 0).to(float64);
    }

    static double RHat(Moments of) =>
        of.Within > 0 ? Math.Sqrt(of.Whole / of.Within)
        : of.Whole > 0 ? double.PositiveInfinity
        : 1;

    static double Time(Moments of)
    {
        if (!(of.Whole > 0))
            return 1;
        double Correlation(int lag) => 1 - (of.Within - of.Autocovariance(lag)) / of.Whole;
        // Geyer's (1992) initial monotone sequence: the sum ends at the first non-positive sum of two neighbours, and these sums may not increase.
        var (time, last) = (-1.0, double.PositiveInfinity);
        for (var lag = 0; lag + 1 < of.Steps; lag += 2)
        {
            var pair = Correlation(lag) + Correlation(lag + 1);
            if (pair <= 0)
                break;
            last = Math.Min(last, pair);
            time += 2 * last;
        }
        return Math.Max(time, 1 / Math.Log10(of.Chains * of.Steps));
    }

    /// <summary>Mean and autocovariances of every chain, in double on the host, so that leaving out a chain is cheap.</summary>
    sealed class Moments
    {
        readonly double[] means;
        readonly double[][] covariances;

        public Moments(Tensor traces)
        {
            var (chains, steps) = ((int)traces.shape[0], (int)traces.shape[1]);
            var mean = traces.mean([1], keepdim: true);
            var centred = traces - mean;
            // Divided by n − 1 at every lag, as in W; this shrinks larger lags towards 0.
            var ofLags = Enumerable
                .Range(0, steps)
                .Select(lag =>
                {
                    using var inner = NewDisposeScope();
                    var product = (centred.narrow(1, 0, steps - lag) * centred.narrow(1, lag, steps - lag)).sum(1) / (steps - 1);
                    return product.MoveToOuterDisposeScope();
                })
                .ToList();
            // One copy to the host, because on a GPU each copy waits for the device.
            double[][] host = [.. stack([.. ofLags, mean.squeeze(1)]).cpu().data<double>().ToArray().Chunk(chains)];
            (covariances, means) = (host[..steps], host[steps]);
            (Chains, Steps) = (chains, steps);
        }

        Moments(double[] means, double[][] covariances, int steps) =>
            (this.means, this.covariances, Chains, Steps) = (means, covariances, means.Length, steps);

        public int Chains { get; }
        public int Steps { get; }
        public double Within => Autocovariance(0);

        public double Autocovariance(int lag) => covariances[lag].Average();

        /// <summary>var⁺.</summary>
        public double Whole
        {
            get
            {
                var mean = means.Average();
                return (Steps - 1.0) / Steps * Within + means.Sum(m => (m - mean) * (m - mean)) / (Chains - 1);
            }
        }

        /// <summary>The moments without both halves of one chain.</summary>
        public Moments Without(int chain)
        {
            double[] Rest(double[] values) => [.. values.Where((_, i) => i % (Chains / 2) != chain)];
            return new Moments(Rest(means), [.. covariances.Select(Rest)], Steps);
        }
    }
}
