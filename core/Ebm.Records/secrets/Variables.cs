using System.Collections.Concurrent;

namespace Ebm.Records;

/// <summary>
/// Environment variables that configs refer to. Errors name the variable instead of its value, because the value may be anything.
/// </summary>
public static class Variables
{
    static readonly ConcurrentDictionary<string, string> Read = new();

    /// <summary>The value of a variable for a config; null if it is not set. From then on, errors hide it.</summary>
    public static string? Of(string name)
    {
        var value = Environment.GetEnvironmentVariable(name);
        if (!string.IsNullOrWhiteSpace(value))
            Read[value] = name;
        return value;
    }

    /// <summary>The text with <c>${oc.env:NAME}</c> in place of each value that was read; a short value is replaced only as a whole word.</summary>
    internal static string Hidden(string text)
    {
        foreach (var (value, name) in Read.OrderByDescending(read => read.Key.Length))
        // In YAML, line breaks and quotes of the value are written in another way.
        foreach (var shown in new[] { value, Document.Of(value).ToString(), Document.Of(value).ToString().Trim('"', '\'') }.Distinct())
            text = Replaced(text, shown, $"${{oc.env:{name}}}");
        return text;
    }

    static string Replaced(string text, string value, string by)
    {
        var start = 0;
        while (value.Length > 0 && text.IndexOf(value, start, StringComparison.Ordinal) is >= 0 and var at)
        {
            var whole = (at == 0 || !InWord(text[at - 1])) && (at + value.Length == text.Length || !InWord(text[at + value.Length]));
            if (whole || value.Length >= 6)
            {
                text = string.Concat(text.AsSpan(0, at), by, text.AsSpan(at + value.Length));
                start = at + by.Length;
            }
            else
                start = at + value.Length;
        }
        return text;
    }

    static bool InWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '-';
}
