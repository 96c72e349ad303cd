using System.Security.Cryptography;

namespace Ebm.Data;

/// <summary>What a data set holds, as one number: the SHA-256 of the bytes of its rows, training rows first.</summary>
static class Content
{
    /// <param name="rows">float32, any shape, any device.</param>
    /// <returns>64 hexadecimal digits, lower case.</returns>
    public static string Digest(params Tensor[] rows)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in rows)
        {
            using var here = part.cpu().contiguous();
            hash.AppendData(here.bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
