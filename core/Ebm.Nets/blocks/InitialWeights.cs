namespace Ebm.Nets;

/// <summary>
/// Draws all weights of a network from a named stream, because libtorch's layers use a hidden generator. As in libtorch, weights and biases of
/// linear and convolution layers are uniform within ±1/√fan-in; norms keep their ones and zeros.
/// </summary>
public static class InitialWeights
{
    public static T DrawnFrom<T>(this T net, Rng rng)
        where T : nn.Module
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var fanIn = new Dictionary<string, double>();
        foreach (var (name, parameter) in net.named_parameters())
        {
            var layer = name[..(name.LastIndexOf('.') + 1)];
            if (parameter.ndim >= 2)
                fanIn[layer] = parameter.shape[1..].Aggregate(1.0, (a, b) => a * b);
            if (!fanIn.TryGetValue(layer, out var inputs))
                continue;
            parameter.copy_((2 * rng.Stream(name).UniformLike(parameter) - 1) / Math.Sqrt(inputs));
        }
        return net;
    }
}
