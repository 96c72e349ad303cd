namespace Ebm.Metrics;

/// <summary>Evaluates a function of many rows in chunks, so that memory does not grow with the number of rows.</summary>
static class Chunked
{
    const long ChunkRows = 512;

    /// <param name="value">(B, …) → (B) or (B, K).</param>
    /// <param name="rows">n rows, such as a tensor (n, …).</param>
    /// <returns>(n) or (n, K), float64, without a graph.</returns>
    public static Tensor Map(Func<Tensor, Tensor> value, Rows rows)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var chunks = new List<Tensor>();
        for (long from = 0; from < rows.Count; from += ChunkRows)
        {
            using var inner = NewDisposeScope();
            chunks.Add(value(rows.Range(from, Math.Min(ChunkRows, rows.Count - from))).to(float64).MoveToOuterDisposeScope());
            Machine.ReturnFreedMemory();
        }
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }
}
