namespace Ebm.Metrics;

/// <summary>Evaluates a function of many rows in chunks, so that memory does not grow with the number of rows.</summary>
static class Chunked
{
    const long ChunkRows = 512;

    // A net for images may take a thousand times the memory of these numbers on the way.
    const long Numbers = 1 << 17;

    /// <param name="value">(B, …) → (B) or (B, K).</param>
    /// <param name="rows">n rows, such as a tensor (n, …).</param>
    /// <returns>(n) or (n, K), float64, without a graph.</returns>
    public static Tensor Map(Func<Tensor, Tensor> value, Rows rows)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var chunks = new List<Tensor>();
        var size = Math.Clamp(Numbers / Math.Max(1, rows.Range(0, Math.Min(1, rows.Count)).numel()), 1, ChunkRows);
        for (long from = 0; from < rows.Count; from += size)
        {
            using var inner = NewDisposeScope();
            chunks.Add(value(rows.Range(from, Math.Min(size, rows.Count - from))).to(float64).MoveToOuterDisposeScope());
            FreedMemory.Return();
        }
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }
}
