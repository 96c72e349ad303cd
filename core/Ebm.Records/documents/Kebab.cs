using System.Text;

namespace Ebm.Records;

/// <summary>The spelling of settings and values: <c>StepSize</c> in C# is <c>step-size</c> in a config.</summary>
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
}
