namespace Ebm.Nets;

/// <summary>
/// A coupling flow or its inverse as one function of autograd: inputs are the way, the rows and all weights and biases; outputs are results and log
/// volumes. A gradient that is to be differentiated again comes from the plain layers, which autograd knows.
/// </summary>
sealed class CouplingFunction : autograd.MultiTensorFunction<CouplingFunction>
{
    /// <summary>Which map: of latent noise to rows, or inverted.</summary>
    public sealed record Way(CouplingFlow Flow, bool Inverted);

    public override string Name => "Couplings";

    public override List<Tensor> forward(autograd.AutogradContext context, params object[] inputs)
    {
        var (way, rows) = ((Way)inputs[0], (Tensor)inputs[1]);
        var (results, logVolume, pass) = way.Flow.Pass(rows, way.Inverted);
        context.save_for_backward([rows]);
        context.save_data("way", way);
        context.save_data("pass", pass);
        return [results, logVolume];
    }

    public override unsafe List<Tensor> backward(autograd.AutogradContext context, List<Tensor> gradients)
    {
        var (way, rows, pass) = ((Way)context.get_data("way"), context.get_saved_variables()[0], (CouplingPass)context.get_data("pass"));
        Tensor[] weights = [.. way.Flow.Weights];
        if (is_grad_enabled())
        {
            Tensor[] wanted = [.. weights.Prepend(rows).Where(t => t.requires_grad)];
            var (results, logVolume) = way.Flow.Plain(rows, way.Inverted);
            var given = new Queue<Tensor>(
                autograd.grad(
                    [results, logVolume],
                    wanted,
                    [Given(0, results), Given(1, logVolume)],
                    retain_graph: true,
                    create_graph: true
                )
            );
            List<Tensor> found = [null!];
            foreach (var input in weights.Prepend(rows))
                found.Add(input.requires_grad ? given.Dequeue() : null!);
            return found;
        }
        // A second backward through the same graph computes the pass again.
        if (!pass.Keeps)
            (_, _, pass) = way.Flow.Pass(rows, way.Inverted);
        using var count = empty(rows.shape[0], dtype: float32);
        var (dy, dLogVolume) = (Given(0, rows).contiguous(), Given(1, count).contiguous());
        var dx = rows.requires_grad ? empty_like(rows.contiguous()) : null;
        var inWeights = weights.Any(w => w.requires_grad) ? weights.Select(w => empty_like(w)).ToArray() : [];
        pass.Back(Floats.Of(dy), Floats.Of(dLogVolume), [.. inWeights.Select(g => (nint)Floats.Of(g))], dx is null ? null : Floats.Of(dx));
        // The way is no tensor, so it has no gradient.
        return [null!, dx!, .. weights.Select((w, i) => w.requires_grad ? inWeights[i] : null!)];

        // The gradient of an output that the objective does not use is no tensor.
        Tensor Given(int output, Tensor like) => gradients[output] is { IsInvalid: false } given ? given : zeros_like(like);
    }
}
