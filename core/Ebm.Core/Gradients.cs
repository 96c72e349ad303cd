namespace Ebm.Core;

/// <summary>Gradients of a loss with respect to inputs that it may not depend on.</summary>
public static class Gradients
{
    /// <summary>∂loss/∂input for each input, or null where the loss does not depend on it.</summary>
    /// <param name="loss">A scalar; if it has no graph, no input has a gradient.</param>
    /// <param name="inputs">Tensors that require gradients.</param>
    public static IReadOnlyList<Tensor?> Of(Tensor loss, IReadOnlyList<Tensor> inputs) =>
        !loss.requires_grad
            ? new Tensor?[inputs.Count]
            // TorchSharp returns an empty handle for a missing gradient; every member but IsInvalid throws on it.
            : [.. autograd.grad([loss], [.. inputs], allow_unused: true).Select(g => g is null || g.IsInvalid ? null : g)];

    [ThreadStatic]
    static int inputAlone;

    /// <summary>
    /// Until disposed, gradients on this thread are asked for in a network's input only. Autograd does not tell a function of ours which of its
    /// gradients are wanted, and those of all weights would cost most of the time.
    /// </summary>
    internal static Asked InputAlone() => new();

    /// <summary>Whether only the input's gradient is wanted.</summary>
    public static bool OfInputAlone => inputAlone > 0;

    internal readonly struct Asked : IDisposable
    {
        public Asked() => inputAlone++;

        public void Dispose() => inputAlone--;
    }
}
