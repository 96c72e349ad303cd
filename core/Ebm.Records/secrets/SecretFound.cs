using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>A place that looks like a secret. The secret itself, or a part of it, is in none of the fields.</summary>
/// <param name="Path">The path of the file, relative to what was searched; a secret in the path is masked.</param>
/// <param name="Line">Counted from 1; 0 if the file's name matches.</param>
/// <param name="Rule">The name of the rule that it matches.</param>
public sealed record SecretFound(string Path, int Line, string Rule)
{
    /// <summary><c>path, line n: rule</c>, or <c>path: rule</c>.</summary>
    public override string ToString() => Line > 0 ? $"{Path}, line {Line}: {Rule}" : $"{Path}: {Rule}";

    /// <summary>The entry of <c>allow</c> in a repository's file of rules that allows it, with * for a secret in the path.</summary>
    public string Allowance =>
        $"- {{ path: \"{Regex.Replace(Path, @"\[withheld: [^\]]*\]", "*").Replace("\\", "\\\\").Replace("\"", "\\\"")}\", rule: {Rule}, because: \"…\" }}";
}
