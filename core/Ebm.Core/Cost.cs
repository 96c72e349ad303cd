namespace Ebm.Core;

/// <summary>
/// The project's unit of cost: one row through one gradient. A slope of B rows costs B; an update costs the rows evaluated with a
/// graph, twice under double backward; networks that are not energies count alike. Wall time depends on the machine, this does not.
/// </summary>
/// <remarks>The count is per thread and only ever read as a difference; it changes nothing that it counts.</remarks>
public static class Cost
{
    [ThreadStatic]
    static long units;

    [ThreadStatic]
    static int inSlope;

    /// <summary>Units spent on this thread so far.</summary>
    public static long Units => units;

    /// <summary>Whether the slope that a kernel asked for is being computed on this thread.</summary>
    public static bool InSlope => inSlope > 0;

    /// <summary>Counts rows whose gradient was taken.</summary>
    public static void Rows(long count) => units += count;

    /// <summary>Called by every network's forward: rows evaluated with a graph will be differentiated.</summary>
    /// <param name="x">(B, …).</param>
    public static void Pass(Tensor x)
    {
        if (inSlope == 0 && torch.is_grad_enabled())
            units += x.shape[0];
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
