namespace Ebm.Nets;

/// <summary>
/// The input slope of a fully connected network as one function of autograd, ∂(Σ y ⊙ net(x))/∂x: inputs are the network, x, y and all weights and
/// biases. Its own gradient is that of objectives on scores; a third derivative is an error.
/// </summary>
sealed class MlpSlopeFunction : autograd.SingleTensorFunction<MlpSlopeFunction>
{
    public override string Name => "MlpSlope";

    public override unsafe Tensor forward(autograd.AutogradContext context, params object[] inputs)
    {
        var (net, x, y) = ((Mlp)inputs[0], (Tensor)inputs[1], ((Tensor)inputs[2]).contiguous());
        var slope = empty_like(x.Flat());
        var (_, pass) = net.Pass(x, keeps: true, learns: false);
        pass.Back(Floats.Of(y), null, Floats.Of(slope));
        context.save_for_backward([x, y]);
        context.save_data("net", net);
        return slope.reshape(x.shape);
    }

    public override unsafe List<Tensor> backward(autograd.AutogradContext context, Tensor v)
    {
        if (is_grad_enabled())
            throw new NotSupportedException("the slope of a network has no third derivative in float32 on the CPU; compute in float64");
        var (net, saved) = ((Mlp)context.get_data("net"), context.get_saved_variables());
        var (x, y) = (saved[0].Flat().contiguous(), saved[1].contiguous());
        var upstream = v.Flat().contiguous();
        var (dx, dy) = (empty_like(x), empty_like(y));
        var gradients = net.Weights.Select(w => w.requires_grad ? empty_like(w) : null).ToArray();
        net.SlopePass(x.shape[0])
            .Back(
                Floats.Of(x),
                Floats.Of(y),
                Floats.Of(upstream),
                [.. gradients.Select(w => w is null ? 0 : (nint)Floats.Of(w))],
                Floats.Of(dy),
                Floats.Of(dx)
            );
        // Without a scope, nothing else refers to these during the pass.
        GC.KeepAlive((x, y, upstream));
        return [null!, dx.reshape(saved[0].shape), dy, .. gradients.Select(w => w!)];
    }
}
