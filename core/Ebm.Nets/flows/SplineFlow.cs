namespace Ebm.Nets;

/// <summary>
/// A monotone rational-quadratic spline on [−Bound, Bound], the identity outside (Durkan, Bekasov, Murray and Papamakarios 2019): K bins with
/// widths w and heights h, and slopes d at the knots. In a bin, with ξ = (x − x_k)/w, s = h/w, D = d_k + d_{k+1} − 2s and β = s + D ξ(1−ξ),
/// <code>y − y_k = h (s ξ² + d_k ξ(1−ξ)) / β,   that is   a ξ² + b ξ − s (y − y_k) = 0,   dy/dx = (2aξ + b) / (β w)</code>
/// with a = h(s − d_k) + (y − y_k) D and b = h d_k − (y − y_k) D. So the inverse is the root of a quadratic, and its discriminant gives the slope.
/// </summary>
/// <param name="Bins">K.</param>
/// <param name="Bound">Half the width of the box.</param>
public sealed record RationalQuadratic(int Bins, double Bound) : IMonotone, ITiledMonotone
{
    /// <summary>The least width or height of a bin, as a share of the box.</summary>
    const double Least = 1e-3;

    public int Parameters => 3 * Bins - 1;

    public (Tensor Y, Tensor LogSlope) Map(Tensor x, Tensor parameters, bool inverted)
    {
        // Knots (x_k, y_k), (B, h, 2, K + 1), and their slopes; parameters of 0 give equal bins and slopes of 1.
        var shares = parameters.narrow(2, 0, 2 * Bins).unflatten(2, [2, Bins]).softmax(3);
        var floor = linspace(-Bound, -Bound * (1 - 2 * Least * Bins), Bins + 1, dtype: x.dtype, device: x.device);
        var knots = nn.functional.pad(shares.cumsum(3), (1, 0)) * (2 * Bound * (1 - Least * Bins)) + floor;
        var slopes = nn.functional.pad(
            nn.functional.softplus(parameters.narrow(2, 2 * Bins, Bins - 1), beta: Math.Log(2)),
            (1, 1),
            value: 1
        );

        // The bin of each number, and its two knots. Small flows spend most of their time here, so it uses few operations.
        var held = x.clamp(-Bound, Bound);
        var bin = (held.detach().unsqueeze(2) >= knots.detach().select(2, inverted ? 1 : 0).narrow(2, 1, Bins - 1)).sum(2, keepdim: true);
        var ends = cat([bin, bin + 1], 2).unsqueeze(2).expand(-1, -1, 3, -1);
        var corners = cat([knots, slopes.unsqueeze(2)], 2).gather(3, ends).flatten(2).unbind(2);
        var (left, right, bottom, top, d, next) = (corners[0], corners[1], corners[2], corners[3], corners[4], corners[5]);
        var (w, h) = (right - left, top - bottom);
        var s = h / w;
        var bend = d + next - 2 * s;

        Tensor xi,
            root,
            y;
        if (inverted)
        {
            var (a, b, rise) = Quadratic(held - bottom);
            root = (b.square() + 4 * a * rise).sqrt();
            xi = 2 * rise / (b + root);
            y = left + xi * w;
        }
        else
        {
            xi = (held - left) / w;
            var mixed = xi * (1 - xi);
            var rise = h * (s * xi.square() + d * mixed) / (s + bend * mixed);
            var (a, b, _) = Quadratic(rise);
            root = 2 * a * xi + b;
            y = bottom + rise;
        }
        var slope = (s + bend * (xi * (1 - xi))) * w / root;
        return (y + (x - held), inverted ? slope.log() : -slope.log());

        (Tensor A, Tensor B, Tensor Rise) Quadratic(Tensor rise)
        {
            var bent = rise * bend;
            var straight = h * d;
            return (h * s - straight + bent, straight - bent, s * rise);
        }
    }

    TiledSpline Tiled => new(Bins, Bound, Least);

    int ITiledMonotone.Kept => TiledSpline.Kept;

    unsafe void ITiledMonotone.Map<T>(float* x, int numbers, float* parameters, bool inverted, float* logSlope, float* kept) =>
        Tiled.Map<T>(x, numbers, parameters, inverted, logSlope, kept);

    unsafe void ITiledMonotone.Back<T>(float* slope, int numbers, float* parameters, bool inverted, float* weight, float* kept) =>
        Tiled.Back<T>(slope, numbers, parameters, inverted, weight, kept);
}

/// <summary>Rational-quadratic spline couplings: a neural spline flow (Durkan, Bekasov, Murray and Papamakarios 2019).</summary>
/// <param name="Couplings">Number of couplings; even ones transform the first half of a row, odd ones the second.</param>
/// <param name="Bins">Bins of each spline.</param>
/// <param name="Bound">The splines act on [−bound, bound] and are the identity outside.</param>
/// <param name="Width">Units per hidden layer of a coupling's network.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">Multiplies the inputs of the networks.</param>
[Kind("spline-flow")]
public sealed record SplineFlowSpec(
    int Couplings = 4,
    int Bins = 16,
    double Bound = 4,
    int Width = 64,
    int Depth = 2,
    double InputScale = 1
) : IGeneratorSpec<FlowNet>
{
    public int Couplings { get; } = Require.Layers(Couplings);
    public int Bins { get; } = Require.Between(2, 500, Bins);
    public double Bound { get; } = Require.Positive(Bound);
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth);
    public double InputScale { get; } = Require.Positive(InputScale);

    public FlowNet Build(Rng rng, long[] shape) =>
        new CouplingFlow(new RationalQuadratic(Bins, Bound), Couplings, Width, Depth, InputScale, rng, shape);
}
