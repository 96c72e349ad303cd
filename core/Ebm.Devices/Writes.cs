namespace Ebm.Devices;

/// <summary>
/// Tells libtorch that this project's code has written to a tensor's memory. libtorch counts the writes of its own operators in each tensor, so
/// that a graph made before a write throws instead of returning a wrong gradient. TorchSharp 0.107 has no function for this.
/// </summary>
public static unsafe class Writes
{
    // torch::autograd::impl::bump_version(const at::Tensor&); a handle of TorchSharp is the address of an at::Tensor.
    static readonly nint? bump = Machine.Export("_ZN5torch8autograd4impl12bump_versionERKN2at6TensorE");

    /// <summary>Whether this libtorch can be told. If not, tensors must be written by its operators.</summary>
    public static bool AreCounted => bump is not null;

    /// <summary>Counts a write to a tensor.</summary>
    public static void Count(torch.Tensor tensor)
    {
        ((delegate* unmanaged<nint, void>)bump!.Value)(tensor.Handle);
        GC.KeepAlive(tensor);
    }
}
