using System.Text;

namespace Ebm.Records;

/// <summary>
/// Kebab case for settings and values: <c>StepSize</c> in C# is <c>step-size</c> in a config. Also writes and reads the words of enums, such as
/// <see cref="RunState"/>, in files and on the terminal.
/// </summary>
public static class Kebab
{
    /// <summary>A C# name in kebab case: a hyphen before each capital that starts a word; digits belong to the letters before them (<c>T6</c> is
    /// <c>t6</c>).</summary>
    public static string Case(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord =
                char.IsUpper(name[i]) && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if (startsWord && text[^1] != '-')
                text.Append('-');
            text.Append(name[i] == '_' ? '-' : char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }

    /// <summary>The word for an enum value: <c>RunState.Completed</c> is <c>completed</c>.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => Spelled<T>.Words[value];

    /// <summary>The words of an enum, in the order of its values.</summary>
    public static IReadOnlyList<string> All<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(Of)];

    /// <summary>The value of a word; null if the word is unknown.</summary>
    public static T? Read<T>(string word)
        where T : struct, Enum => Spelled<T>.Values.TryGetValue(word, out var value) ? value : null;

    static class Spelled<T>
        where T : struct, Enum
    {
        internal static readonly Dictionary<T, string> Words = Enum.GetValues<T>()
            .ToDictionary(value => value, value => Case(value.ToString()));
        internal static readonly Dictionary<string, T> Values = Words.ToDictionary(pair => pair.Value, pair => pair.Key);
    }
}
