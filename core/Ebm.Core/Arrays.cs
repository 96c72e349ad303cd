using Ebm.Records;

namespace Ebm.Core;

public static class Arrays
{
    /// <summary>Copies a tensor to the host as float32 in row-major order, as records store arrays.</summary>
    /// <param name="axes">The meaning of each dimension.</param>
    public static NamedArray Named(string name, string[] axes, Tensor values) =>
        new(name, axes, values.shape, values.detach().to(float32).cpu().contiguous().data<float>().ToArray());
}
