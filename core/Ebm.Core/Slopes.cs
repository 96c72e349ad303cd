namespace Ebm.Core;

/// <summary>
/// A network that can compute one output per row together with its slope in closed form, without a graph, for chains.
/// </summary>
public interface ISlopes
{
    /// <summary>Output and input slope of each row: (B, …), (B) int64 or null for the only output → (B) and (B, …); null if autograd must compute
    /// them.</summary>
    (Tensor Value, Tensor Slope)? WithSlope(Tensor x, Tensor? column);
}
