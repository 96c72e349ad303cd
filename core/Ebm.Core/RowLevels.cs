namespace Ebm.Core;

/// <summary>Noise levels of rows, (B) int64, and means per level.</summary>
public static class RowLevels
{
    /// <summary>The same level for every row: (B).</summary>
    public static Tensor AllAt(this Tensor rows, int level) => full([rows.shape[0]], level, dtype: int64, device: rows.device);

    /// <summary>Mean per level: (B), (B) → (levels); NaN for levels without rows.</summary>
    public static Tensor MeanByLevel(this Tensor values, Tensor level, int levels)
    {
        var none = zeros(levels, dtype: values.dtype, device: values.device);
        return none.index_add(0, level, values, 1) / none.index_add(0, level, ones_like(values), 1);
    }

    /// <summary>Total variation distance between the rows' levels and the uniform distribution; it grows first when levels do not mix.</summary>
    public static Tensor Occupancy(this Tensor level, int levels)
    {
        var share =
            zeros(levels, device: level.device).index_add_(0, level, ones(level.shape[0], device: level.device), 1) / level.shape[0];
        return (share - 1.0 / levels).abs().sum() / 2;
    }
}
