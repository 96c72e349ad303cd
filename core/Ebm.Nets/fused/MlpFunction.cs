namespace Ebm.Nets;

/// <summary>
/// A fully connected network as one function of autograd: inputs are the network, x and all weights and biases. A gradient that is to be
/// differentiated again comes from the plain layers, which autograd knows.
/// </summary>
sealed class MlpFunction : autograd.SingleTensorFunction<MlpFunction>
{
    public override string Name => "Mlp";

    public override Tensor forward(autograd.AutogradContext context, params object[] inputs)
    {
        var (net, x) = ((Mlp)inputs[0], (Tensor)inputs[1]);
        // The slope is a function of its own, which computes what it needs.
        var (y, pass) = net.Pass(x, keeps: !Gradients.OfInputAlone);
        context.save_for_backward([x]);
        context.save_data("net", net);
        context.save_data("pass", pass);
        return y;
    }

    public override unsafe List<Tensor> backward(autograd.AutogradContext context, Tensor dy)
    {
        var (net, x, pass) = ((Mlp)context.get_data("net"), context.get_saved_variables()[0], (MlpPass)context.get_data("pass"));
        Tensor[] weights = [.. net.Weights];
        if (is_grad_enabled() && Gradients.OfInputAlone)
            return [null!, MlpSlopeFunction.apply([net, x, dy, .. weights]), .. weights.Select(_ => (Tensor)null!)];
        if (is_grad_enabled())
        {
            Tensor[] wanted = [.. weights.Prepend(x).Where(t => t.requires_grad)];
            var given = new Queue<Tensor>(autograd.grad([net.Plain(x)], wanted, [dy], retain_graph: true, create_graph: true));
            List<Tensor> found = [null!];
            foreach (var input in weights.Prepend(x))
                found.Add(input.requires_grad ? given.Dequeue() : null!);
            return found;
        }
        // A second backward through the same graph computes the pass again.
        if (!pass.Keeps)
            (_, pass) = net.Pass(x, keeps: true);
        var upstream = dy.contiguous();
        var dx = x.requires_grad ? empty_like(x.Flat()) : null;
        var gradients = weights.Select(w => w.requires_grad ? empty_like(w) : null).ToArray();
        pass.Back(Floats.Of(upstream), [.. gradients.Select(g => g is null ? 0 : (nint)Floats.Of(g))], dx is null ? null : Floats.Of(dx));
        // Without a scope, nothing else refers to it during the pass.
        GC.KeepAlive(upstream);
        // The network is not a tensor, so it has no gradient.
        return [null!, (dx?.reshape(x.shape))!, .. gradients.Select(g => g!)];
    }
}
