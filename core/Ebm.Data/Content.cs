using System.Security.Cryptography;

namespace Ebm.Data;

/// <summary>The digest of a data set: the SHA-256 of the bytes of its rows, training rows first.</summary>
static class Content
{
    const long ChunkRows = 16_384;

    /// <param name="rows">float32, any shape, any device.</param>
    /// <returns>64 hexadecimal digits, lower case.</returns>
    public static string Digest(params Tensor[] rows)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in rows)
        {
            using var here = part.cpu().contiguous();
            // The length of a span is an int, which may be too small for all rows.
            for (long from = 0; from < here.shape[0]; from += ChunkRows)
            {
                using var some = here.narrow(0, from, Math.Min(ChunkRows, here.shape[0] - from));
                hash.AppendData(some.bytes);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
