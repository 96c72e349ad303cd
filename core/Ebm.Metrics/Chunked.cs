namespace Ebm.Metrics;

/// <summary>Evaluates a function of many rows in chunks, so that memory does not grow with the number of rows.</summary>
static class Chunked
{
    const long Rows = 512;

    /// <param name="value">(B, …) → (B) or (B, K).</param>
    /// <param name="rows">(n, …).</param>
    /// <returns>(n) or (n, K), float64, without a graph.</returns>
    public static Tensor Map(Func<Tensor, Tensor> value, Tensor rows)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var chunks = new List<Tensor>();
        for (long from = 0; from < rows.shape[0]; from += Rows)
        {
            using var inner = NewDisposeScope();
            chunks.Add(value(rows.narrow(0, from, Math.Min(Rows, rows.shape[0] - from))).to(float64).MoveToOuterDisposeScope());
            Machine.ReturnFreedMemory();
        }
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }
}
