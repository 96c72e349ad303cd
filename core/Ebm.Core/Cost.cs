using System.Runtime.CompilerServices;

namespace Ebm.Core;

/// <summary>
/// The project's unit of cost: one row through one gradient. A slope of B rows costs B; an update costs the rows evaluated with a
/// graph, twice under double backward; networks that are not energies count alike. Wall time depends on the machine, this does not.
/// Passes are counted where networks are called, so that no network has to: of a network that a method registers, every call
/// counts; a <see cref="LevelNet"/>, an <see cref="Autoencoder"/> and a <see cref="FlowNet"/> count what else they are asked for.
/// </summary>
/// <remarks>The count is per thread and only ever read as a difference; it changes nothing that it counts.</remarks>
public static class Cost
{
    [ThreadStatic]
    static long units;

    [ThreadStatic]
    static int inSlope;

    /// <summary>A network may be registered in two places, and counts once.</summary>
    static readonly ConditionalWeakTable<nn.Module, nn.Module> counted = [];

    /// <summary>Units spent on this thread so far.</summary>
    public static long Units => units;

    /// <summary>Whether the slope that a kernel asked for is being computed on this thread.</summary>
    public static bool InSlope => inSlope > 0;

    /// <summary>Counts rows whose gradient was taken.</summary>
    public static void Rows(long count) => units += count;

    /// <summary>A network is called: rows evaluated with a graph will be differentiated.</summary>
    /// <param name="x">(B, …).</param>
    internal static void Pass(Tensor x)
    {
        if (inSlope == 0 && torch.is_grad_enabled())
            units += x.shape[0];
    }

    /// <summary>From now on each call of the network counts its rows; of a module that is none, each call of the networks that it is made of.</summary>
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
            case nn.Module<Tensor, Tensor>:
                break;
            default:
                foreach (var child in module.children())
                    Counted(child);
                break;
        }
        return module;
    }

    /// <summary>A slope counts its rows once, whatever networks stand inside.</summary>
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
