using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Ebm.Core;

/// <summary>
/// Numbers of which libtorch's linear algebra could make nothing: a matrix that is not positive definite, an iteration that did not converge. A
/// method can come to such numbers by training, so a run ends with this as with a loss that is NaN.
/// </summary>
/// <param name="says">What was done, and what failed.</param>
public sealed partial class NumericalException(string says, Exception cause) : Exception(says, cause)
{
    /// <summary>Does something, and says what that was where its numbers fail.</summary>
    /// <param name="doing">Such as "drawing rows".</param>
    public static T In<T>(string doing, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (ExternalException error) when (Reason(error) is { } reason)
        {
            throw new NumericalException($"{doing}: {reason}", error);
        }
    }

    /// <summary>What failed, in libtorch's words, without the native stack below them; null where numbers are not to blame.</summary>
    public static string? Reason(ExternalException error)
    {
        var first = error.Message.Split('\n')[0].Trim();
        return Numerical().IsMatch(first) ? first.TrimEnd('.') : null;
    }

    // TorchSharp has one type for all of libtorch's exceptions. The words are those of its linear algebra (linalg_check_errors and, for eig, its
    // caller), and of draws from probabilities that are none.
    [GeneratedRegex(
        "because the input (matrix|is not positive)|input tensor should not contain infs or NaNs|would result in a division by zero"
            + "|Argument [0-9]+ has illegal value|probability tensor contains either|invalid multinomial distribution"
    )]
    private static partial Regex Numerical();
}
