// Threads: within an operator, and between operators.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    public static int get_num_threads() => Native.ebm_num_threads();

    /// <param name="num">How many threads one operator may use; at least 1.</param>
    public static void set_num_threads(int num) => Native.Check(Native.ebm_set_num_threads(num), "torch.set_num_threads", $"num: {num}");

    public static int get_num_interop_threads() => Native.ebm_num_interop_threads();

    /// <param name="num">How many operators may run at once; can be set once, before the first parallel work.</param>
    public static void set_num_interop_threads(int num) => Native.Check(Native.ebm_set_num_interop_threads(num), "torch.set_num_interop_threads", $"num: {num}");
}
