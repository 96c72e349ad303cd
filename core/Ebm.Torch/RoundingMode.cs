namespace TorchSharp;

public static partial class torch
{
    /// <summary>What happens to a quotient: nothing, or rounding down, or towards zero.</summary>
    public enum RoundingMode
    {
        None,
        trunc,
        floor,
    }
}
