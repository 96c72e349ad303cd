// What Adam and AdamW share: the running moments and the step along them, on lists of tensors.
using static TorchSharp.torch;

namespace TorchSharp.Modules;

internal static class Moments
{
    internal static void Require(double lr, double beta1, double beta2, double eps, double weight_decay)
    {
        Settings.AtLeastZero(lr);
        Settings.AtLeastZero(eps);
        Settings.AtLeastZero(weight_decay);
        Settings.Below1(beta1);
        Settings.Below1(beta2);
    }

    /// <summary>m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; θ ← θ − η m̂ / (√v̂ + ε). If there are maxima, v̂ is theirs.</summary>
    internal static void Descend(
        Tensor[] parameters,
        Tensor[] gradients,
        Tensor[] means,
        Tensor[] squares,
        Tensor[]? maxima,
        long step,
        double rate,
        double beta1,
        double beta2,
        double eps
    )
    {
        Foreach.Multiply(means, beta1);
        Foreach.Add(means, gradients, 1 - beta1);
        Foreach.Multiply(squares, beta2);
        Foreach.AddProducts(squares, gradients, gradients, 1 - beta2);
        if (maxima is not null)
            Foreach.TakeLarger(maxima, squares);

        // Both bias corrections go into two numbers, √v̂ + ε = (√v + ε c₂) / c₂, which saves a pass over the parameters.
        var (correction1, correction2) = (1 - Math.Pow(beta1, step), Math.Sqrt(1 - Math.Pow(beta2, step)));
        var spread = Foreach.Roots(maxima ?? squares);
        Foreach.Add(spread, eps * correction2);
        Foreach.AddQuotients(parameters, means, spread, -rate * correction2 / correction1);
    }

    /// <summary>Parameters that have taken equally many steps share their bias corrections; usually there is one such set.</summary>
    internal static IEnumerable<Alike> ByStep<TState>(TState[] states, Func<TState, long> step) =>
        Enumerable.Range(0, states.Length).GroupBy(i => step(states[i])).Select(same => new Alike(same.Key, [.. same]));

    internal readonly record struct Alike(long Step, int[] Positions)
    {
        internal Tensor[] Of(Tensor[] all) => Of(all, tensor => tensor);

        internal Tensor[] Of<T>(T[] all, Func<T, Tensor> pick) => Array.ConvertAll(Positions, i => pick(all[i]));
    }
}
