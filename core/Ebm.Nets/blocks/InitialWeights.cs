namespace Ebm.Nets;

/// <summary>
/// Draws all weights of a network from a named stream, because libtorch's layers use a hidden generator. As in libtorch, weights and biases of
/// linear and convolution layers are uniform within ±1/√fan-in; norms keep their ones and zeros. Some papers draw weights within ±√(6/(fan-in + fan-out))
/// (Glorot and Bengio 2010) and begin with biases of 0.
/// </summary>
public static class InitialWeights
{
    /// <param name="xavier">Within ±√(6/(fan-in + fan-out)), biases 0.</param>
    public static T DrawnFrom<T>(this T net, Rng rng, bool xavier = false)
        where T : nn.Module
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        var bounds = new Dictionary<string, double>();
        foreach (var (name, parameter) in net.named_parameters())
        {
            var layer = name[..(name.LastIndexOf('.') + 1)];
            if (parameter.ndim >= 2)
            {
                var inputs = parameter.shape[1..].Aggregate(1.0, (a, b) => a * b);
                var outputs = parameter.numel() / (double)parameter.shape[1];
                bounds[layer] = xavier ? Math.Sqrt(6 / (inputs + outputs)) : 1 / Math.Sqrt(inputs);
            }
            if (!bounds.TryGetValue(layer, out var bound))
                continue;
            if (xavier && parameter.ndim == 1)
                parameter.zero_();
            else
                parameter.copy_((2 * rng.Stream(name).UniformLike(parameter) - 1) * bound);
        }
        return net;
    }
}
