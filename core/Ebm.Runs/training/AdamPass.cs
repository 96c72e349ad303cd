using System.Numerics;
using System.Runtime.InteropServices;

namespace Ebm.Runs;

/// <summary>
/// One update of Adam in one pass over the memory of a tensor, where libtorch's operators take a dozen:
/// <code>
/// g ← clip g + decay w,   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
/// w ← keep w − η m / (r √v + ε),   η = lr / (1 − β₁ᵗ),   r = 1 / √(1 − β₂ᵗ)
/// </code>
/// Each operation is rounded by itself, so the vectors' width changes no bit.
/// </summary>
/// <param name="Clip">Factor of the gradient.</param>
/// <param name="Decay">Share of the weights added to the gradient: Adam's weight decay.</param>
/// <param name="Keep">Share of the weights that AdamW's weight decay leaves.</param>
/// <param name="Rate">η.</param>
/// <param name="Root">r.</param>
readonly record struct AdamPass(
    float Clip,
    float Decay,
    float Keep,
    float Beta1,
    float Rest1,
    float Beta2,
    float Rest2,
    float Rate,
    float Root,
    float Epsilon
)
{
    /// <summary>Updates weights w and moments m and v with a gradient g, all of one length.</summary>
    public void Over(Span<float> weight, ReadOnlySpan<float> gradient, Span<float> mean, Span<float> square)
    {
        var weights = MemoryMarshal.Cast<float, Vector<float>>(weight);
        var gradients = MemoryMarshal.Cast<float, Vector<float>>(gradient);
        var means = MemoryMarshal.Cast<float, Vector<float>>(mean);
        var squares = MemoryMarshal.Cast<float, Vector<float>>(square);
        var (epsilon, pass) = (new Vector<float>(Epsilon), this);
        for (var i = 0; i < weights.Length; i++)
        {
            var w = weights[i];
            var g = gradients[i] * pass.Clip + w * pass.Decay;
            var m = means[i] * pass.Beta1 + g * pass.Rest1;
            var v = squares[i] * pass.Beta2 + g * g * pass.Rest2;
            means[i] = m;
            squares[i] = v;
            weights[i] = w * pass.Keep - m * pass.Rate / (Vector.SquareRoot(v) * pass.Root + epsilon);
        }
        for (var i = weights.Length * Vector<float>.Count; i < weight.Length; i++)
        {
            var w = weight[i];
            var g = gradient[i] * pass.Clip + w * pass.Decay;
            var m = mean[i] * pass.Beta1 + g * pass.Rest1;
            var v = square[i] * pass.Beta2 + g * g * pass.Rest2;
            mean[i] = m;
            square[i] = v;
            weight[i] = w * pass.Keep - m * pass.Rate / (MathF.Sqrt(v) * pass.Root + Epsilon);
        }
    }
}
