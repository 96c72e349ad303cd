// Threads: within an operator, and between operators.
using Ebm.Torch;

namespace TorchSharp;

public static partial class torch
{
    // Beyond this, OpenMP ends the process when it cannot start the threads.
    const int MostThreads = 1024;

    public static int get_num_threads() => Native.ebm_num_threads();

    /// <param name="num">How many threads one operator may use; from 1 to 1024.</param>
    public static void set_num_threads(int num) =>
        Native.Check(Native.ebm_set_num_threads(Threads(num)), "torch.set_num_threads", $"num: {num}");

    public static int get_num_interop_threads() => Native.ebm_num_interop_threads();

    /// <param name="num">How many operators may run at once; can be set once, before the first parallel work.</param>
    public static void set_num_interop_threads(int num) =>
        Native.Check(Native.ebm_set_num_interop_threads(Threads(num)), "torch.set_num_interop_threads", $"num: {num}");

    static int Threads(int count) =>
        count is >= 1 and <= MostThreads
            ? count
            : throw new ArgumentOutOfRangeException(nameof(count), $"the number of threads is {count}; it must lie in [1, {MostThreads}].");
}
