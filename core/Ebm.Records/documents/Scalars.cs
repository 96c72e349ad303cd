using System.Globalization;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// The types of unquoted scalars: YAML 1.2's core schema with three changes. Booleans are only <c>true</c> and <c>false</c>; digits may be grouped
/// (<c>1_000</c>), and <c>inf</c>, <c>nan</c> need no dot; digits after a leading zero (<c>010</c>) are text, because YAML readers disagree about
/// them. Whole numbers are always 64 bits and other numbers always doubles.
/// </summary>
public static partial class Scalars
{
    [GeneratedRegex(@"^[-+]?(0|[1-9](_?[0-9])*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^(0x(?<hex>[0-9a-fA-F]+)|0o(?<octal>[0-7]+))\z", RegexOptions.CultureInvariant)]
    private static partial Regex OtherBase();

    [GeneratedRegex(
        @"^[-+]?((0|[1-9](_?[0-9])*)\.([0-9](_?[0-9])*)?([eE][-+]?[0-9]+)?|\.[0-9](_?[0-9])*([eE][-+]?[0-9]+)?|(0|[1-9](_?[0-9])*)[eE][-+]?[0-9]+)\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Float();

    [GeneratedRegex(@"^(?<sign>[-+]?)\.?(inf|Inf|INF)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Infinite();

    [GeneratedRegex(@"^\.?(nan|NaN|NAN)\z", RegexOptions.CultureInvariant)]
    private static partial Regex NotANumber();

    /// <summary>The value of an unquoted scalar: null, a bool, a long, a double or the text itself.</summary>
    /// <exception cref="OverflowException">A number that does not fit in 64 bits; the message is a sentence.</exception>
    public static object? Resolve(string text) =>
        text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" => true,
            "false" => false,
            _ when Decimal().IsMatch(text) => Whole(text),
            _ when Float().IsMatch(text) => Real(text),
            _ when OtherBase().Match(text) is { Success: true } match => Whole(text, match),
            _ when Infinite().Match(text) is { Success: true } match => match.Groups["sign"].Value == "-"
                ? double.NegativeInfinity
                : double.PositiveInfinity,
            _ when NotANumber().IsMatch(text) => double.NaN,
            _ => text,
        };

    static long Whole(string text) =>
        long.TryParse(text.Replace("_", ""), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new OverflowException(
                $"{text} does not fit into 64 bits; write it with a decimal point if a float is meant, or in quotes if a text is."
            );

    static long Whole(string text, Match match)
    {
        var value = match.Groups["hex"].Success
            ? match.Groups["hex"].Value.Aggregate(UInt128.Zero, (sum, digit) => Next(sum, 16, Convert.ToUInt32(digit.ToString(), 16)))
            : match.Groups["octal"].Value.Aggregate(UInt128.Zero, (sum, digit) => Next(sum, 8, (uint)(digit - '0')));
        return value <= long.MaxValue
            ? (long)value
            : throw new OverflowException($"{text} does not fit into 64 bits; put it in quotes if a text is meant.");
    }

    // Beyond 64 bits, the sum is kept as it is, still too large.
    static UInt128 Next(UInt128 sum, uint radix, uint digit) => sum > long.MaxValue ? sum : sum * radix + digit;

    static double Real(string text)
    {
        var value = double.Parse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture);
        if (double.IsInfinity(value))
            throw new OverflowException($"{text} is larger than any float64; write .inf if infinity is meant.");
        if (value == 0 && text.TakeWhile(c => c is not ('e' or 'E')).Any(c => c is >= '1' and <= '9'))
            throw new OverflowException($"{text} is smaller than any float64; write 0.0 if zero is meant.");
        return value;
    }

    /// <summary>
    /// The shortest digits that read back as the same float64, in any culture: always with a point, so that it reads back as a float, and with a
    /// signed exponent below 1e-6 and from 1e21 on: <c>1.0</c>, <c>0.05</c>, <c>1.0e-7</c>. Infinities and NaN are <c>.inf</c>, <c>-.inf</c>,
    /// <c>.nan</c>.
    /// </summary>
    public static string Text(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? ".nan"
                : value > 0 ? ".inf"
                : "-.inf";
        var shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        var exponentAt = shortest.IndexOf('E');
        var mantissa = exponentAt < 0 ? shortest : shortest[..exponentAt];
        var exponent =
            exponentAt < 0 ? 0 : int.Parse(shortest[(exponentAt + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var pointAt = mantissa.IndexOf('.');
        var digits = mantissa.Replace(".", "");
        var point = (pointAt < 0 ? mantissa.Length : pointAt) + exponent; // the value is 0.digits × 10^point
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        point -= leading;
        var sign = double.IsNegative(value) ? "-" : "";
        if (digits == "")
            return sign + "0.0";
        if (point is > 21 or <= -6)
            return $"{sign}{digits[0]}.{(digits.Length > 1 ? digits[1..] : "0")}e{(point > 0 ? "+" : "-")}{Math.Abs(point - 1).ToString(CultureInfo.InvariantCulture)}";
        if (point <= 0)
            return $"{sign}0.{new string('0', -point)}{digits}";
        return digits.Length <= point ? $"{sign}{digits.PadRight(point, '0')}.0" : $"{sign}{digits[..point]}.{digits[point..]}";
    }
}
