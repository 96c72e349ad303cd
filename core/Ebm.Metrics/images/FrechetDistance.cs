namespace Ebm.Metrics;

/// <summary>
/// The Fréchet distance between Gaussians with the moments of two sets of features (Heusel et al. 2017),
/// <code>D = |m₁ − m₂|² + tr C₁ + tr C₂ − 2 tr (C₁^½ C₂ C₁^½)^½</code>
/// With factors C = FFᵀ the last trace is the sum of the singular values of F₁ᵀF₂, which needs no square root of a matrix and is exact for singular
/// covariances, that is, for fewer rows than features. The estimate is too large for few rows, so it has a floor: other real rows. The standard error
/// is the delta method's. With F₁ᵀF₂ = USVᵀ and z = F₁⁺(x − m₁), a row x of the first set moves the distance in proportion to
/// <code>2 (m₁ − m₂)·(x − m₁) + |x − m₁|² − zᵀUSUᵀz</code>
/// less its mean. It says nothing about the bias, and tends to 0 for equal moments.
/// </summary>
public static class FrechetDistance
{
    /// <param name="x">(n, d), n ≥ 2.</param>
    /// <param name="y">(m, d), m ≥ 2.</param>
    public static (double Value, double Se) Between(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (one, other) = (new Moments(x.to(float64)), new Moments(y.to(float64)));
        var (u, s, vt) = linalg.svd(one.Factor.t().matmul(other.Factor), fullMatrices: false);
        var between = one.Mean - other.Mean;
        var value = between.square().sum() + one.Variances.sum() + other.Variances.sum() - 2 * s.sum();
        var moved = one.Moved(between, u, s).var() / x.shape[0] + other.Moved(-between, vt.t(), s).var() / y.shape[0];
        return (value.item<double>(), Math.Sqrt(moved.item<double>()));
    }

    sealed class Moments
    {
        // Variances below this share of the largest are rounding.
        const double Nothing = 1e-12;
        readonly Tensor centred,
            inverse;

        public Moments(Tensor rows)
        {
            Mean = rows.mean([0]);
            centred = rows - Mean;
            var (spread, directions) = linalg.eigh(centred.t().matmul(centred) / (rows.shape[0] - 1));
            var there = spread > Nothing * spread.max();
            Variances = spread * there.to(float64);
            var deviations = Variances.sqrt();
            Factor = directions * deviations;
            inverse = directions * where(there, 1 / deviations, zeros_like(deviations));
        }

        public Tensor Mean { get; }
        public Tensor Variances { get; }

        /// <summary>F: (d, d).</summary>
        public Tensor Factor { get; }

        /// <summary>How far each row moves the distance, up to a constant: (n).</summary>
        public Tensor Moved(Tensor between, Tensor u, Tensor s)
        {
            var z = centred.matmul(inverse).matmul(u);
            return 2 * centred.matmul(between) + centred.square().sum(1) - (z.square() * s).sum(1);
        }
    }
}
