namespace Ebm.Nets;

/// <summary>
/// u = (r(x̃, σ) − x̃)/σ of the fully connected autoencoder as one function of autograd: inputs are the network, x̃, σ and all weights and biases. The
/// twin of <see cref="MlpFunction"/>; σ has no gradient.
/// </summary>
sealed class AutoencoderFunction : autograd.SingleTensorFunction<AutoencoderFunction>
{
    public override string Name => "Autoencoder";

    public override Tensor forward(autograd.AutogradContext context, params object[] inputs)
    {
        var (net, noisy, noise) = ((MlpAutoencoder)inputs[0], (Tensor)inputs[1], (Tensor)inputs[2]);
        var (u, pass) = net.Pass(noisy, noise, keeps: true);
        context.save_for_backward([noisy, noise]);
        context.save_data("net", net);
        context.save_data("pass", pass);
        return u;
    }

    public override unsafe List<Tensor> backward(autograd.AutogradContext context, Tensor du)
    {
        var (net, pass) = ((MlpAutoencoder)context.get_data("net"), (AutoencoderPass)context.get_data("pass"));
        var saved = context.get_saved_variables();
        var (noisy, noise) = (saved[0], saved[1]);
        Tensor[] weights = [.. net.Weights];
        if (is_grad_enabled())
        {
            Tensor[] wanted = [.. weights.Prepend(noisy).Where(t => t.requires_grad)];
            var given = new Queue<Tensor>(autograd.grad([net.Plain(noisy, noise)], wanted, [du], retain_graph: true, create_graph: true));
            var found = weights.Prepend(noisy).Select(input => input.requires_grad ? given.Dequeue() : null!).ToArray();
            return [null!, found[0], null!, .. found.Skip(1)];
        }
        // A second backward through the same graph computes the pass again.
        if (!pass.Keeps)
            (_, pass) = net.Pass(noisy, noise, keeps: true);
        var dx = noisy.requires_grad ? empty_like(noisy.Flat()) : null;
        var gradients = weights.Select(w => w.requires_grad ? empty_like(w) : null).ToArray();
        var upstream = du.contiguous();
        pass.Back(Floats.Of(upstream), [.. gradients.Select(g => g is null ? 0 : (nint)Floats.Of(g))], dx is null ? null : Floats.Of(dx));
        // Without a scope, nothing else refers to it during the pass.
        GC.KeepAlive(upstream);
        return [null!, (dx?.reshape(noisy.shape))!, null!, .. gradients.Select(g => g!)];
    }
}
