namespace Ebm.Nets;

/// <summary>x ↦ x exp(s) + t with |s| bounded, so that a single coupling cannot distort strongly; many together can.</summary>
/// <param name="Bound">The bound of |s|.</param>
public sealed record Affine(double Bound) : IMonotone, ITiledMonotone
{
    public int Parameters => 2;

    public (Tensor Y, Tensor LogSlope) Map(Tensor x, Tensor parameters, bool inverted)
    {
        var (s, t) = (Bound * (parameters[.., .., 0] / Bound).tanh(), parameters[.., .., 1]);
        return inverted ? ((x - t) * (-s).exp(), -s) : (x * s.exp() + t, s);
    }

    int ITiledMonotone.Kept => TiledAffine.Kept;

    unsafe void ITiledMonotone.Map<T>(float* x, int numbers, float* parameters, bool inverted, float* logSlope, float* kept) =>
        TiledAffine.Map<T>((float)Bound, x, numbers, parameters, inverted, logSlope, kept);

    unsafe void ITiledMonotone.Back<T>(float* slope, int numbers, float* parameters, bool inverted, float* weight, float* kept) =>
        TiledAffine.Back<T>(slope, numbers, parameters, inverted, weight, kept);
}

/// <summary>Affine couplings: RealNVP (Dinh, Sohl-Dickstein and Bengio 2017).</summary>
/// <param name="Couplings">Number of couplings; even ones transform the first half of a row, odd ones the second.</param>
/// <param name="Width">Units per hidden layer of a coupling's network.</param>
/// <param name="Depth">Hidden layers.</param>
/// <param name="InputScale">Multiplies the inputs of the networks.</param>
/// <param name="Bound">Largest |log scale| of one coupling.</param>
[Kind("real-nvp")]
public sealed record RealNvpSpec(int Couplings = 8, int Width = 64, int Depth = 2, double InputScale = 1, double Bound = 2)
    : IGeneratorSpec<FlowNet>
{
    public int Couplings { get; } = Require.Layers(Couplings);
    public int Width { get; } = Require.Units(Width);
    public int Depth { get; } = Require.Layers(Depth);
    public double InputScale { get; } = Require.Positive(InputScale);
    public double Bound { get; } = Require.Positive(Bound);

    public FlowNet Build(Rng rng, long[] shape) => new CouplingFlow(new Affine(Bound), Couplings, Width, Depth, InputScale, rng, shape);
}
