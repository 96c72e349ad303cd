namespace Ebm.Core;

/// <summary>Gradients that a loss may not have: the one place that asks for them.</summary>
public static class Gradients
{
    /// <summary>∂loss/∂input for each input, or null where the loss does not depend on it.</summary>
    /// <param name="loss">A scalar with a graph; without one, no input has a gradient.</param>
    /// <param name="inputs">Tensors that require gradients.</param>
    public static IReadOnlyList<Tensor?> Of(Tensor loss, IReadOnlyList<Tensor> inputs) =>
        !loss.requires_grad
            ? new Tensor?[inputs.Count]
            // TorchSharp gives an empty handle for a gradient that is not there; anything but IsInvalid throws on it.
            : [.. autograd.grad([loss], [.. inputs], allow_unused: true).Select(g => g is null || g.IsInvalid ? null : g)];
}
