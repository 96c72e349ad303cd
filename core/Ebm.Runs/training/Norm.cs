using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Ebm.Core;

namespace Ebm.Runs;

/// <summary>The Euclidean norm of several tensors as one vector.</summary>
static class Norm
{
    /// <summary>The norm, on the host.</summary>
    public static double Of(IReadOnlyList<Tensor> tensors) =>
        tensors.All(PlainMemory.Has) ? InMemory(tensors) : ByOperators(tensors).ToDouble();

    /// <summary>The norm as a scalar on the tensors' device.</summary>
    public static Tensor ByOperators(IReadOnlyList<Tensor> tensors) => stack(tensors.Select(t => t.norm()).ToArray()).norm();

    static double InMemory(IReadOnlyList<Tensor> tensors)
    {
        var sum = 0.0;
        foreach (var tensor in tensors)
            sum += Squares(PlainMemory.Of(tensor));
        // Adam's mean square, in float32, would overflow too.
        return sum > float.MaxValue ? double.PositiveInfinity : Math.Sqrt(sum);
    }

    // Σ x² in double precision, in sixteen partial sums on every machine, so that the vectors' width changes no bit.
    static double Squares(ReadOnlySpan<float> numbers)
    {
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(numbers);
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        foreach (var vector in vectors)
        {
            var (lower, upper) = Vector512.Widen(vector);
            low += lower * lower;
            high += upper * upper;
        }
        var sum = 0.0;
        foreach (double number in numbers[(vectors.Length * Vector512<float>.Count)..])
            sum += number * number;
        low += high;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
            sum += low[lane];
        return sum;
    }
}
