using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Ebm.Core;

/// <summary>
/// libtorch's linear algebra failed on its input, for example a matrix that is not positive definite or an iteration that did not converge.
/// Training can lead a method to such input, so this ends a run as a NaN loss does.
/// </summary>
/// <param name="says">The operation, and why it failed.</param>
public sealed partial class NumericalException(string says, Exception cause) : Exception(says, cause)
{
    /// <summary>Runs an operation; its name is in the exception if its numbers fail.</summary>
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

    /// <summary>The reason in libtorch's words, without the native stack; null if the exception has a cause other than the numbers.</summary>
    public static string? Reason(ExternalException error)
    {
        var first = error.Message.Split('\n')[0].Trim();
        return Numerical().IsMatch(first) ? first.TrimEnd('.') : null;
    }

    // TorchSharp has one exception type for all of libtorch's errors. These texts are from its linear algebra (linalg_check_errors and, for eig,
    // its caller) and from draws with invalid probabilities.
    [GeneratedRegex(
        "because the input (matrix|is not positive)|input tensor should not contain infs or NaNs|would result in a division by zero"
            + "|Argument [0-9]+ has illegal value|probability tensor contains either|invalid multinomial distribution"
    )]
    private static partial Regex Numerical();
}
