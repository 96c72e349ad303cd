namespace Ebm.Core;

/// <summary>
/// A monotone rational-quadratic spline on [−Bound, Bound] with linear tails of slope 1 (Durkan, Bekasov, Murray and Papamakarios 2019):
/// K bins of widths w and heights h, slope d at the knots. In a bin, with ξ = (x − x_k)/w, s = h/w and D = d_k + d_{k+1} − 2s,
/// <code>y = y_k + h (s ξ² + d_k ξ(1−ξ)) / (s + D ξ(1−ξ)),   dy/dx = s² (d_{k+1} ξ² + 2 s ξ(1−ξ) + d_k (1−ξ)²) / (s + D ξ(1−ξ))²</code>
/// and the inverse solves a quadratic.
/// </summary>
/// <param name="Bins">K.</param>
/// <param name="Bound">Beyond it the function is the identity.</param>
public sealed record RationalQuadratic(int Bins, double Bound) : IMonotone
{
    const double Least = 1e-3;

    public int Parameters => 3 * Bins - 1;

    public (Tensor Y, Tensor LogSlope) Map(Tensor x, Tensor parameters, bool inverted)
    {
        // Widths and heights as shares of the box, never under Least; slopes that are 1 for zero parameters, and at both ends.
        var shares = Least + (1 - Least * Bins) * parameters.narrow(2, 0, 2 * Bins).unflatten(2, [2, Bins]).softmax(3);
        var knots = nn.functional.pad(shares.cumsum(3), (1, 0)) * (2 * Bound) - Bound;
        var slopes = nn.functional.pad(
            nn.functional.softplus(parameters.narrow(2, 2 * Bins, Bins - 1) + Math.Log(Math.E - 1)) + Least, (1, 1), value: 1);

        // The bin of each number, and its corners: (B, h, 1) of each of (x_k, y_k, d_k) and (x_{k+1}, y_{k+1}, d_{k+1}).
        var sought = knots.select(2, inverted ? 1 : 0).narrow(2, 1, Bins - 1);
        var bin = (x.unsqueeze(2) >= sought).sum(2, keepdim: true).unsqueeze(2).expand(-1, -1, 3, -1);
        var corners = cat([knots, slopes.unsqueeze(2)], 2);
        var (low, high) = (corners.gather(3, bin).squeeze(3), corners.gather(3, bin + 1).squeeze(3));
        var (left, bottom, d) = (low[.., .., 0], low[.., .., 1], low[.., .., 2]);
        var size = high - low;
        var (w, h, next) = (size[.., .., 0], size[.., .., 1], high[.., .., 2]);
        var s = h / w;
        var bend = d + next - 2 * s;

        var inside = x.abs() < Bound;
        Tensor xi, y;
        if (inverted)
        {
            var rise = where(inside, x, bottom) - bottom;
            var a = h * (s - d) + rise * bend;
            var b = h * d - rise * bend;
            var c = -s * rise;
            xi = 2 * c / (-b - (b.square() - 4 * a * c).clamp(min: 0).sqrt());
            y = left + xi * w;
        }
        else
        {
            xi = (where(inside, x, left) - left) / w;
            y = bottom + h * (s * xi.square() + d * xi * (1 - xi)) / (s + bend * xi * (1 - xi));
        }
        var mixed = xi * (1 - xi);
        var slope = s.square() * (next * xi.square() + 2 * s * mixed + d * (1 - xi).square()) / (s + bend * mixed).square();
        var logSlope = where(inside, slope, 1).log();
        return (where(inside, y, x), inverted ? -logSlope : logSlope);
    }
}

/// <summary>Rational-quadratic spline couplings: a neural spline flow (Durkan, Bekasov, Murray and Papamakarios 2019).</summary>
/// <param name="Couplings">Steps of the flow; even ones move the first half of a row, odd ones the second.</param>
/// <param name="Bins">Pieces of each spline.</param>
/// <param name="Bound">The splines act on [−bound, bound] and are the identity beyond.</param>
/// <param name="Width">Units per hidden layer of a coupling's network.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">The networks see the half they read times this.</param>
[Kind("spline-flow")]
public sealed record SplineFlowSpec(int Couplings = 4, int Bins = 16, double Bound = 4, int Width = 64, int Depth = 2, double InputScale = 1)
    : IGeneratorSpec<CouplingFlow>
{
    public int Couplings { get; } = Require.AtLeast(1, Couplings);
    public int Bins { get; } = Require.Between(2, 500, Bins);
    public double Bound { get; } = Require.Positive(Bound);
    public int Width { get; } = Require.AtLeast(1, Width);
    public int Depth { get; } = Require.AtLeast(1, Depth);
    public double InputScale { get; } = Require.Positive(InputScale);

    public CouplingFlow Build(Rng rng, long[] shape) => new(new RationalQuadratic(Bins, Bound), Couplings, Width, Depth, InputScale, rng, shape);
}
