namespace Ebm.Core;

/// <summary>
/// A network that gives one output of each row with its slope in closed form, where it can: what chains ask for, without a graph.
/// </summary>
public interface ISlopes
{
    /// <summary>Output and input slope of each row: (B, …), (B) int64 or null for the only output → (B) and (B, …); null where autograd must do.</summary>
    (Tensor Value, Tensor Slope)? WithSlope(Tensor x, Tensor? column);
}
