using Ebm.Records;

namespace Ebm.Core;

public static class Arrays
{
    /// <summary>A tensor as the records keep it: on the host, in float32, row by row.</summary>
    /// <param name="axes">What each dimension counts.</param>
    public static NamedArray Named(string name, string[] axes, Tensor values) =>
        new(name, axes, values.shape, values.detach().to(float32).cpu().contiguous().data<float>().ToArray());
}
