namespace Ebm.Nets;

/// <summary>An increasing function of one number, with parameters from a coupling's network.</summary>
public interface IMonotone
{
    /// <summary>Parameters per number.</summary>
    int Parameters { get; }

    /// <summary>y = f(x; θ) and log f′(x), or, if inverted, y = f⁻¹(x; θ) and log (f⁻¹)′(x): (B, h), (B, h, Parameters) → (B, h) each.</summary>
    (Tensor Y, Tensor LogSlope) Map(Tensor x, Tensor parameters, bool inverted);
}

/// <summary>
/// A stack of couplings (Dinh, Sohl-Dickstein and Bengio 2017): a row is split into halves a and b. Each coupling transforms one half by an
/// increasing function whose parameters a small network computes from the other, a ← f(a; θ(b)); the next coupling swaps the halves. The Jacobian
/// is triangular, so the log-determinant is a sum of log slopes, and the inverse costs as much as the forward pass. In the plane the halves are the
/// two coordinates. Networks start with the same f for all rows, so that the flow starts near the identity.
/// </summary>
public sealed class CouplingFlow : FlowNet, ITiledFlow
{
    readonly long[] shape;
    readonly long first;
    readonly IMonotone monotone;
    readonly double inputScale;
    readonly Modules.Linear[][] conditioners;
    readonly PackedLayer[][] packed;

    /// <param name="inputScale">Multiplies the inputs of the networks.</param>
    public CouplingFlow(IMonotone monotone, int couplings, int width, int depth, double inputScale, Rng rng, long[] shape)
        : base(nameof(CouplingFlow), shape.Size())
    {
        if (shape.Size() < 2)
            throw new SettingException("net", "is a coupling flow, which needs rows of at least two numbers; these rows have one");

        (this.shape, this.monotone, this.inputScale) = (shape, monotone, inputScale);
        first = Latent / 2;
        (conditioners, packed) = (new Modules.Linear[couplings][], new PackedLayer[couplings][]);
        for (var k = 0; k < couplings; k++)
        {
            var (moved, other) = MovesFirst(k) ? (first, Latent - first) : (Latent - first, first);
            long[] widths = [other, .. Enumerable.Repeat((long)width, depth), moved * monotone.Parameters];
            conditioners[k] = [.. widths.Zip(widths.Skip(1), (a, b) => nn.Linear(a, b, device: rng.Device))];
            packed[k] = [.. widths.Zip(widths.Skip(1), (a, b) => new PackedLayer(a, b))];
            for (var i = 0; i < conditioners[k].Length; i++)
                register_module($"coupling{k}_{i}", conditioners[k][i]);
        }
        this.DrawnFrom(rng);
        using var free = no_grad();
        foreach (var layers in conditioners)
        {
            layers[^1].weight.mul_(.01);
            layers[^1].bias!.zero_();
        }
    }

    protected override (Tensor X, Tensor LogVolume) Pushed(Tensor z) => Mapped(z, inverted: false);

    protected override (Tensor Z, Tensor LogVolume) Pulled(Tensor x) => Mapped(x, inverted: true);

    public TiledMap? Tiled(bool inverted) =>
        monotone is ITiledMonotone own && TiledEnergy.Takes(conditioners[0][0].weight) ? Couplings(own, inverted) : null;

    (Tensor, Tensor) Mapped(Tensor rows, bool inverted)
    {
        if (!TiledEnergy.Takes(rows) || Tiled(inverted) is not TiledCouplings map)
            return Plain(rows, inverted);
        Tensor[] weights = [.. Weights];
        if (!is_grad_enabled() || !(rows.requires_grad || weights.Any(weight => weight.requires_grad)))
            return map.Of(rows);
        var found = CouplingFunction.apply([new CouplingFunction.Way(this, inverted), rows, .. weights]);
        return (found[0], found[1]);
    }

    /// <summary>The results of <see cref="FlowNet.Push"/>, or if inverted of <see cref="FlowNet.Pull"/>, from libtorch's layers.</summary>
    internal (Tensor, Tensor) Plain(Tensor rows, bool inverted)
    {
        var order = Enumerable.Range(0, conditioners.Length);
        var (results, logVolume) = Through(rows.Flat(), inverted ? order.Reverse() : order, inverted);
        return (inverted ? results : results.reshape(shape.Rows(results.shape[0])), logVolume);
    }

    /// <summary>The same in one pass of our own, which keeps what the way back needs.</summary>
    internal unsafe (Tensor Results, Tensor LogVolume, CouplingPass Pass) Pass(Tensor rows, bool inverted)
    {
        var map = Couplings((ITiledMonotone)monotone, inverted);
        var from = rows.contiguous();
        var (results, logVolume) = (map.Results(from), empty(from.shape[0], dtype: float32));
        var pass = new CouplingPass(map, from.shape[0]);
        pass.Through(Floats.Of(from), Floats.Of(results), Floats.Of(logVolume));
        return (results, logVolume, pass);
    }

    /// <summary>Weight and bias of each layer of each coupling in turn.</summary>
    internal IEnumerable<Tensor> Weights =>
        conditioners.SelectMany(layers => layers.SelectMany(layer => (Tensor[])[layer.weight, layer.bias!]));

    TiledCouplings Couplings(ITiledMonotone own, bool inverted)
    {
        foreach (var (layers, copies) in conditioners.Zip(packed))
        foreach (var (layer, copy) in layers.Zip(copies))
            copy.Follow(layer);
        return new(packed, own, (float)inputScale, (int)first, inverted ? [Latent] : shape, inverted);
    }

    (Tensor, Tensor) Through(Tensor rows, IEnumerable<int> couplings, bool inverted)
    {
        var (a, b) = (rows.narrow(1, 0, first), rows.narrow(1, first, Latent - first));
        var logSlopes = new List<Tensor>();
        foreach (var k in couplings)
        {
            var (moved, other) = MovesFirst(k) ? (a, b) : (b, a);
            var parameters = Read(conditioners[k], other).reshape(moved.shape[0], moved.shape[1], monotone.Parameters);
            var (y, logSlope) = monotone.Map(moved, parameters, inverted);
            (a, b) = MovesFirst(k) ? (y, b) : (a, y);
            logSlopes.Add(logSlope);
        }
        return (cat([a, b], 1), cat(logSlopes, 1).sum(1));
    }

    Tensor Read(Modules.Linear[] layers, Tensor other)
    {
        var h = layers[0].call(inputScale == 1 ? other : other * inputScale);
        foreach (var layer in layers.Skip(1))
            h = layer.call(nn.functional.silu(h));
        return h;
    }

    internal static bool MovesFirst(int coupling) => coupling % 2 == 0;
}
