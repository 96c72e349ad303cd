using System.Text;

namespace Ebm.Records;

/// <summary>
/// The spelling of settings and values: <c>StepSize</c> in C# is <c>step-size</c> in a config. The words of an enum, such as <see cref="RunState"/>,
/// are written and read here alone, in files and on the terminal.
/// </summary>
public static class Kebab
{
    /// <summary>A C# name in kebab case: a hyphen before each capital that begins a word; digits stay with the letters before them (<c>T6</c> is <c>t6</c>).</summary>
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

    /// <summary>The word of an enum's value: <c>RunState.Completed</c> is <c>completed</c>.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => Spelled<T>.Words[value];

    /// <summary>The words of an enum, in the order of its values.</summary>
    public static IReadOnlyList<string> All<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(Of)];

    /// <summary>The value that a word spells; null where it spells none.</summary>
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
