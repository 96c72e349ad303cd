using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ebm.Metrics;

/// <summary>
/// How a number was measured, as a short hash: two values compare only if these agree. It holds whatever changes the number without
/// changing the model: the estimator and its version, sample counts, the reference rows, the grid.
/// </summary>
static class Protocol
{
    /// <param name="estimator">Name and version, "grid-kl 1": the version rises when the same rows would give another number.</param>
    /// <param name="facts">Every choice, in a fixed order.</param>
    /// <returns>12 hexadecimal digits.</returns>
    public static string Of(string estimator, params IFormattable[] facts)
    {
        var sentence = string.Join(' ', [estimator, .. facts.Select(fact => fact.ToString(null, CultureInfo.InvariantCulture))]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sentence)))[..12];
    }
}
