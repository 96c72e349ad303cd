namespace Ebm.Core;

/// <summary>
/// An energy function, E: (B, …) → (B), with p(x) ∝ exp(−E(x)) everywhere in this code base: low energy, high probability. It may have a closed
/// form of its slope ∇E. Sums, tempering and tethers of energies are energies again: a sum of energies is a product of densities.
/// </summary>
/// <param name="value">The energy of each row.</param>
/// <param name="withSlope">Value and input gradient in closed form, (B) and (B, …); without it autograd gives the slope.</param>
/// <param name="tiled">The same energy in plain memory, for a batch with the shape of its argument; it returns null for a batch that it cannot take.
/// </param>
public sealed class Energy(
    Func<Tensor, Tensor> value,
    Func<Tensor, (Tensor Energy, Tensor Slope)>? withSlope = null,
    Func<Tensor, TiledEnergy?>? tiled = null
)
{
    /// <summary>(B, …) → (B), with a graph if gradients are on.</summary>
    public Tensor Of(Tensor x) => value(x);

    /// <summary>The energy in plain memory with the present weights, for a batch with the shape of x; null if it has no such form.</summary>
    public TiledEnergy? Tiled(Tensor x) => TiledEnergy.Takes(x) ? tiled?.Invoke(x) : null;

    /// <summary>The same without a graph, in plain memory if the energy has such a form: for measuring. Layers differ by rounding.</summary>
    public Tensor Values(Tensor x)
    {
        using var free = no_grad();
        return Tiled(x) is { } own ? own.ValueOf(x) : value(x);
    }

    internal (Tensor Energy, Tensor Slope) SlopeAt(Tensor x) =>
        Tiled(x) is { } own ? own.Of(x)
        : withSlope is null ? ByAutograd(x)
        : withSlope(x);

    /// <summary>The product of two densities: energies and slopes add.</summary>
    public static Energy operator +(Energy a, Energy b) =>
        new(
            x => a.Of(x) + b.Of(x),
            x =>
            {
                var (e, slope) = a.SlopeAt(x);
                var (f, other) = b.SlopeAt(x);
                return (e + f, slope + other);
            },
            x => a.Tiled(x) is { } one && b.Tiled(x) is { } two ? new TiledSum(one, two, x) : null
        );

    /// <summary>Tempering: the density p^β.</summary>
    /// <param name="inverseTemperature">β, a scalar tensor or one per row, (B).</param>
    /// <param name="energy">The energy at β = 1.</param>
    public static Energy operator *(Tensor inverseTemperature, Energy energy) =>
        new(
            x => inverseTemperature * energy.Of(x),
            x =>
            {
                var (e, slope) = energy.SlopeAt(x);
                return (inverseTemperature * e, inverseTemperature.PerRow(x) * slope);
            },
            x => energy.Tiled(x) is { } one && PerRow.Of(inverseTemperature, x) is { } beta ? new TiledProduct(beta, one, x) : null
        );

    /// <summary>|scale·x − towards|² / 2 spread²: −log p(towards | x), up to a constant, for towards = scale·x + spread·ξ.</summary>
    /// <param name="towards">(B, …).</param>
    /// <param name="scale">A scalar or one per row, (B).</param>
    /// <param name="spread">Standard deviation, a scalar or one per row, (B).</param>
    public static Energy Tether(Tensor towards, Tensor scale, Tensor spread) =>
        new(
            x => ((scale.PerRow(x) * x - towards) / spread.PerRow(x)).square().SumPerRow() / 2,
            x =>
            {
                var residual = (scale.PerRow(x) * x - towards) / spread.PerRow(x);
                return (residual.square().SumPerRow() / 2, residual * (scale / spread).PerRow(x));
            },
            x =>
                // A tether that broadcasts over rows stays with tensors.
                TiledEnergy.Takes(towards)
                && towards.shape.SequenceEqual(x.shape)
                && PerRow.Of(scale, x) is { } a
                && PerRow.Of(spread, x) is { } s
                    ? new TiledTether(towards, a, s)
                    : null
        );

    /// <summary>|x|² / 2 width²: makes the normaliser finite if an energy does not grow away from the data.</summary>
    /// <param name="width">Standard deviation, positive.</param>
    public static Energy Confinement(double width) =>
        new(
            x => x.square().SumPerRow() / (2 * width * width),
            x => (x.square().SumPerRow() / (2 * width * width), x / (width * width)),
            x => new TiledConfinement(width, x)
        );

    /// <summary>−log N(x; 0, sd² I) in nats.</summary>
    /// <param name="sd">Positive.</param>
    /// <param name="size">Numbers in one row.</param>
    public static Energy Gaussian(double sd, long size) =>
        new(x => (x / sd).square().SumPerRow() / 2 + size * (Math.Log(sd) + Math.Log(2 * Math.PI) / 2));

    /// <summary>
    /// The same energy with each coordinate of its slope clipped to ±limit, as in the chains of some papers. The clipped field is not the gradient
    /// of an energy, so the distribution of an unadjusted chain along it is unknown.
    /// </summary>
    /// <param name="limit">Positive.</param>
    public Energy Cut(double limit) =>
        new(
            Of,
            x =>
            {
                var (e, slope) = SlopeAt(x);
                return (e, slope.clamp(-limit, limit));
            },
            x => Tiled(x) is { } own ? new TiledCut(limit, own, x) : null
        );

    /// <summary>max(E, least), with slope 0 below.</summary>
    public Energy Above(double least) =>
        new(x => (Of(x) - least).relu() + least, tiled: x => Tiled(x) is { } own ? new TiledFloor(least, own, x) : null);

    /// <summary>E(G(z)): the energy of a generator's rows as a function of its latent noise.</summary>
    public Energy After(GeneratorNet net) =>
        new(
            z => Of(net.call(z)),
            tiled: z =>
                (net as ITiledFlow)?.Tiled(inverted: false) is { } map && Tiled(map.Results(z)) is { } own ? new TiledAfter(own, map) : null
        );

    /// <summary>The single output of a network, in plain memory too if the network has such a form.</summary>
    /// <param name="net">(B, …) → (B, 1).</param>
    public static Energy Of(nn.Module<Tensor, Tensor> net) => Of(x => net.call(x).squeeze(1), net as ITiled, null);

    /// <summary>One output of a network per row.</summary>
    /// <param name="value">With a graph: (B, …) → (B).</param>
    /// <param name="net">The network with a form in plain memory; null if it has none.</param>
    /// <param name="column">(B) int64; null if there is only one output.</param>
    internal static Energy Of(Func<Tensor, Tensor> value, ITiled? net, Tensor? column) =>
        new(value, tiled: net is null ? null : x => net.Tiled(x, column));

    (Tensor, Tensor) ByAutograd(Tensor x)
    {
        using var grad = enable_grad();
        var at = x.detach().requires_grad_(true);
        var e = value(at);
        return (e.detach(), autograd.grad([e.sum()], [at])[0].detach());
    }
}

/// <summary>
/// One energy per noise level, E(x, ℓ), ℓ = 0 … Levels−1, level 0 the cleanest.
/// </summary>
public interface ILevelEnergy
{
    int Levels { get; }

    /// <summary>Energies with one level per row: (B, …), (B) int64 → (B).</summary>
    Tensor At(Tensor x, Tensor level);

    /// <summary>Energies at every level: (B, …) → (B, Levels).</summary>
    Tensor All(Tensor x);
}

public static class Energies
{
    /// <summary>
    /// Energy and slope without a graph, for kernels: no graph spans two steps, and sampling gives parameters no gradient. Costs one unit per row.
    /// </summary>
    /// <returns>(B) and (B, …).</returns>
    public static (Tensor Energy, Tensor Slope) WithSlope(this Energy energy, Tensor x)
    {
        using var outer = NewDisposeScope();
        using var free = no_grad();
        var (e, slope) = Cost.Slope(x, () => energy.SlopeAt(x));
        return (e.MoveToOuterDisposeScope(), slope.MoveToOuterDisposeScope());
    }

    /// <summary>−∇E(x) with a graph, for objectives that differentiate the score again.</summary>
    /// <returns>(B, …), as x.</returns>
    public static Tensor Score(this Energy energy, Tensor x)
    {
        var at = x.detach().requires_grad_(true);
        using var alone = Gradients.InputAlone();
        var score = -autograd.grad([energy.Of(at).sum()], [at], retain_graph: true, create_graph: true)[0];
        Cost.Rows(x.shape[0]);
        return score;
    }

    /// <summary>E(x, ℓ) + U(x), with the same U at every level.</summary>
    public static ILevelEnergy Plus(this ILevelEnergy levels, Energy common) => new Raised(levels, common);

    sealed record Raised(ILevelEnergy Given, Energy Common) : ILevelEnergy
    {
        public int Levels => Given.Levels;

        public Tensor At(Tensor x, Tensor level) => Given.At(x, level) + Common.Of(x);

        public Tensor All(Tensor x) => Given.All(x) + Common.Of(x).unsqueeze(1);
    }

    /// <summary>E(·, ℓ) with all rows at the same level.</summary>
    public static Energy Only(this ILevelEnergy energy, int level) =>
        new(x => energy.At(x, x.AllAt(level)), tiled: x => (energy as ITiled)?.Tiled(x, x.AllAt(level)));

    /// <summary>E(·, ℓ) with one level per chain.</summary>
    /// <param name="level">(B) int64.</param>
    public static Energy At(this ILevelEnergy energy, Tensor level) => Energy.Of(x => energy.At(x, level), energy as ITiled, level);
}
