namespace Ebm.Core;

/// <summary>Shapes of rows: the first dimension counts samples, the others are the shape of one sample.</summary>
public static class Shapes
{
    /// <summary>Reshapes a scalar or one number per row to broadcast over whole rows: (B) → (B, 1, …).</summary>
    public static Tensor PerRow(this Tensor perRow, Tensor rows)
    {
        if (perRow.ndim == 0)
            return perRow;
        var shape = new long[rows.ndim];
        Array.Fill(shape, 1);
        shape[0] = -1;
        return perRow.reshape(shape);
    }

    /// <summary>(B, …) → (B).</summary>
    public static Tensor SumPerRow(this Tensor x) => x.ndim == 1 ? x : x.flatten(1).sum(1);

    /// <summary>(B, …) → (B, d).</summary>
    public static Tensor Flat(this Tensor x) => x.ndim == 2 ? x : x.flatten(1);

    /// <summary>Numbers in one row.</summary>
    public static long Size(this long[] shape) => shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>(count, …shape).</summary>
    public static long[] Rows(this long[] shape, long count) => [count, .. shape];
}
