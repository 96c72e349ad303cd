namespace Ebm.Nets;

/// <summary>Activations, smooth or leaky: chains follow slopes, and a kink makes the slope jump.</summary>
public enum Activation
{
    Silu,
    Softplus,
    LeakyRelu,
    Gelu,
    Tanh,
    Relu,
}

public static class Activations
{
    public static Tensor Of(this Activation activation, Tensor x) =>
        activation switch
        {
            Activation.Silu => nn.functional.silu(x),
            Activation.Softplus => nn.functional.softplus(x),
            Activation.LeakyRelu => nn.functional.leaky_relu(x, .2),
            Activation.Gelu => nn.functional.gelu(x),
            Activation.Tanh => x.tanh(),
            Activation.Relu => nn.functional.relu(x),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "not a valid activation"),
        };
}
