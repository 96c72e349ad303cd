using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Ebm.Records;

namespace Ebm.Core;

/// <summary>A setting with a value that is not allowed. The catalog adds file, line and path.</summary>
/// <param name="setting">The constructor parameter's name.</param>
/// <param name="says">What is wrong: "must be positive; -1 is not allowed".</param>
public sealed class SettingException(string setting, string says) : Exception($"{setting} {says}")
{
    public string Setting => setting;
    public string Says => says;
}

/// <summary>Settings validate themselves where they are declared: <c>public double Step { get; } = Require.Positive(Step);</c></summary>
public static class Require
{
    public static T Positive<T>(T value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : INumber<T> => value > T.Zero ? Finite(value, setting) : throw Refuse(setting, "must be positive", value);

    public static T? Positive<T>(T? value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : struct, INumber<T> => value is { } given ? Positive(given, setting) : null;

    public static T NonNegative<T>(T value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : INumber<T> => value >= T.Zero ? Finite(value, setting) : throw Refuse(setting, "must not be negative", value);

    public static T? NonNegative<T>(T? value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : struct, INumber<T> => value is { } given ? NonNegative(given, setting) : null;

    public static T AtLeast<T>(T least, T value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : INumber<T> => value >= least ? Finite(value, setting) : throw Refuse(setting, $"must be at least {Show(least)}", value);

    public static T? AtLeast<T>(T least, T? value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : struct, INumber<T> => value is { } given ? AtLeast(least, given, setting) : null;

    /// <summary>Both bounds are allowed.</summary>
    public static T Between<T>(T low, T high, T value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : INumber<T> =>
        value >= low && value <= high ? value : throw Refuse(setting, $"must be between {Show(low)} and {Show(high)}", value);

    public static T? Between<T>(T low, T high, T? value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : struct, INumber<T> => value is { } given ? Between(low, high, given, setting) : null;

    /// <summary>Finite in single precision, which runs compute in.</summary>
    public static T Finite<T>(T value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : INumber<T> =>
        float.IsFinite(float.CreateTruncating(value))
            ? value
            : throw Refuse(setting, "must be finite in single precision (at most 3.4e38)", value);

    public static T? Finite<T>(T? value, [CallerArgumentExpression(nameof(value))] string setting = "")
        where T : struct, INumber<T> => value is { } given ? Finite(given, setting) : null;

    // Generous upper bounds, so that products of two settings do not overflow.

    /// <summary>Units or channels of a layer, or numbers in a code.</summary>
    public static int Units(int value, [CallerArgumentExpression(nameof(value))] string setting = "") => Between(1, 65_536, value, setting);

    /// <summary>Layers of a network, or steps of a flow.</summary>
    public static int Layers(int value, int least = 1, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        Between(least, 256, value, setting);

    /// <summary>Steps of a chain; metrics multiply them by up to a thousand.</summary>
    public static int Moves(int value, int least = 1, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        Between(least, 100_000, value, setting);

    /// <summary>Updates per step; their memory is freed after the step.</summary>
    public static int Updates(int value, [CallerArgumentExpression(nameof(value))] string setting = "") => Between(1, 1000, value, setting);

    /// <summary>Computed rows; whether they fit in memory is checked when they are computed.</summary>
    public static long Rows(long value, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        Between(1, 1_000_000_000, value, setting);

    /// <summary>The path of a data set's file or folder, relative to its place (<see cref="DataPlace"/>), without a leading ./ and a final slash.</summary>
    public static string DataPath(string value, [CallerArgumentExpression(nameof(value))] string setting = "")
    {
        var path = value.TrimEnd('/');
        while (path.StartsWith("./", StringComparison.Ordinal))
            path = path[2..].TrimStart('/');
        if (RelativePath.Try(path) is not null)
            return path;
        var (folder, name) = (Path.GetDirectoryName(path), Path.GetFileName(path));
        var instead =
            folder is { Length: > 0 } && name is not ("" or "." or "..") && RelativePath.Try(name) is not null
                ? $"; write {name}, and name its folder with --data {folder}"
                : "";
        throw new SettingException(
            setting,
            $"must be a path below the data root or the current folder, with forward slashes and without ..; \"{value}\" is not{instead}"
        );
    }

    public static T That<T>(T value, bool holds, string must, [CallerArgumentExpression(nameof(value))] string setting = "") =>
        holds ? value : throw new SettingException(setting, $"{must}; the value is {Show(value)}");

    static SettingException Refuse<T>(string setting, string must, T value) => new(setting, $"{must}; {Show(value)} is not allowed");

    static string Show<T>(T value) =>
        value switch
        {
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            System.Collections.IEnumerable many and not string => $"[{string.Join(", ", many.Cast<object>().Select(Show))}]",
            _ => value?.ToString() ?? "null",
        };
}
