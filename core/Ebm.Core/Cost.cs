using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// Counts cost in the project's unit: the gradient of one row. The slope of B rows costs B. An update costs the rows that it evaluates with a
/// graph, twice under double backward; networks that are not energies count in the same way. Unlike wall time, this cost does not depend on the
/// machine. The counting happens where networks are called, so implementations need not count: every call of a network that a method registers
/// counts; <see cref="LevelNet"/>, <see cref="Autoencoder"/> and <see cref="FlowNet"/> also count calls of their other members.
/// </summary>
/// <remarks>The count is per thread and only differences of it are used; counting does not change any result.</remarks>
public static class Cost
{
    [ThreadStatic]
    static long units;

    [ThreadStatic]
    static int inSlope;

    /// <summary>Networks that are already counted: a network registered in two places counts once.</summary>
    static readonly ConditionalWeakTable<nn.Module, nn.Module> counted = [];

    /// <summary>Units spent on this thread so far.</summary>
    public static long Units => units;

    /// <summary>Whether the slope that a kernel asked for is being computed on this thread.</summary>
    public static bool InSlope => inSlope > 0;

    /// <summary>Adds rows whose gradient was computed.</summary>
    public static void Rows(long count) => units += count;

    /// <summary>Counts a call of a network: rows evaluated with a graph will be differentiated.</summary>
    /// <param name="x">(B, …).</param>
    internal static void Pass(Tensor x)
    {
        if (inSlope == 0 && torch.is_grad_enabled())
            units += x.shape[0];
    }

    /// <summary>Makes each call of a network of one or two tensors count the rows of the first. For any other module, does so for the networks
    /// inside it.</summary>
    public static T Counted<T>(T module)
        where T : nn.Module
    {
        switch (module)
        {
            case LevelNet or Autoencoder:
                break;
            case nn.Module<Tensor, Tensor> net when counted.TryAdd(net, net):
                net.register_forward_pre_hook(
                    (_, x) =>
                    {
                        Pass(x);
                        return x;
                    }
                );
                break;
            case nn.Module<Tensor, Tensor, Tensor> net when counted.TryAdd(net, net):
                net.register_forward_pre_hook(
                    (_, x, y) =>
                    {
                        Pass(x);
                        return (x, y);
                    }
                );
                break;
            case nn.Module<Tensor, Tensor> or nn.Module<Tensor, Tensor, Tensor>:
                break;
            default:
                foreach (var child in module.children())
                    Counted(child);
                break;
        }
        return module;
    }

    /// <summary>Counts the rows of a slope once, whichever networks it calls.</summary>
    internal static T Slope<T>(Tensor x, Func<T> slope)
    {
        units += x.shape[0];
        inSlope++;
        try
        {
            return slope();
        }
        finally
        {
            inSlope--;
        }
    }
}
