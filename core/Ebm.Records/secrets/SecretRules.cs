using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>The rules of <c>secret-rules.yaml</c>, or of a repository's own file of the same form.</summary>
sealed class SecretRules
{
    /// <summary>A file whose name shows what it contains.</summary>
    /// <param name="Except">Names that do not count; null for none.</param>
    /// <param name="Text">What the file's text must contain as well; null for any text.</param>
    internal sealed record Name(string Rule, Regex Path, Regex? Except, Regex? Text);

    /// <summary>A format of issued keys.</summary>
    /// <param name="Has">Texts of which every match contains one; empty for a rule without them.</param>
    /// <param name="Innocent">Values that are usual in documentation; null for none.</param>
    internal sealed record Token(string Rule, IReadOnlyList<string> Has, Lazy<Regex> Text, Regex? Innocent);

    /// <summary>A value assigned to a name.</summary>
    /// <param name="Has">Texts of which every name contains one.</param>
    /// <param name="Shortest">Characters.</param>
    /// <param name="Entropy">Bits per character.</param>
    /// <param name="Words">Whether a value without digits counts.</param>
    /// <param name="Digests">Whether the hexadecimal digits of a hash count.</param>
    internal sealed record Assigned(
        string Rule,
        IReadOnlyList<string> Has,
        Regex Names,
        long Shortest,
        double Entropy,
        bool Words,
        bool Digests
    );

    /// <summary>Matches that a repository allows: those in a file, in a setting of a config, or an environment variable.</summary>
    /// <param name="Rule">The only rule that is allowed there; null for all.</param>
    /// <param name="Line">The only line that is allowed; null for all.</param>
    internal sealed record Allowed(Regex? Path, string? Setting, string? Variable, string? Rule, long? Line);

    internal required IReadOnlyList<Name> Names { get; init; }
    internal required IReadOnlyList<Token> Tokens { get; init; }
    internal required IReadOnlyList<Assigned> Assignments { get; init; }
    internal required IReadOnlyList<Regex> Variables { get; init; }
    internal required IReadOnlyList<Allowed> Allowances { get; init; }

    /// <summary>By key of <c>innocent</c>; empty in a repository's own file.</summary>
    internal required IReadOnlyDictionary<string, Regex> Innocent { get; init; }

    /// <summary>These rules and those of a repository, whose rules for assigned values are asked first.</summary>
    internal SecretRules With(SecretRules own) =>
        new()
        {
            Names = [.. Names, .. own.Names],
            Tokens = [.. Tokens, .. own.Tokens],
            Assignments = [.. own.Assignments, .. Assignments],
            Variables = [.. Variables, .. own.Variables],
            Allowances = own.Allowances,
            Innocent = Innocent,
        };

    /// <exception cref="ConfigException">A key is unknown or missing, a regular expression is not valid, or an allowance has no reason.</exception>
    /// <param name="isOwn">Whether a user wrote the file, so that every expression is checked now and not at its first use.</param>
    internal static SecretRules Of(Document file, bool isOwn)
    {
        Keys(file, "", "names", "tokens", "assigned", "variables", "innocent", "allow");
        return new()
        {
            Names = Each(file, "names", "name", "path", "except", "text")
                .Select(at => new Name(
                    at.Text("name"),
                    Pattern(at, "path", RegexOptions.IgnoreCase)!,
                    Pattern(at, "except", RegexOptions.IgnoreCase),
                    Pattern(at, "text")
                ))
                .ToList(),
            Tokens = Each(file, "tokens", "name", "has", "text", "innocent").Select(at => Format(at, isOwn)).ToList(),
            Assignments = Each(file, "assigned", "name", "has", "names", "shortest", "entropy", "words", "digests")
                .Select(at => new Assigned(
                    at.Text("name"),
                    Texts(at, "has"),
                    Pattern(at, "names", RegexOptions.IgnoreCase)!,
                    at.Integer("shortest"),
                    at.Float("entropy"),
                    at.Find("words") is not null && at.Bool("words"),
                    at.Find("digests") is not null && at.Bool("digests")
                ))
                .ToList(),
            Variables = file.Find("variables") is null ? [] : [Pattern(file, "variables", RegexOptions.IgnoreCase)!],
            Allowances = Each(file, "allow", "path", "setting", "variable", "rule", "line", "because").Select(Allowance).ToList(),
            Innocent = file.Find("innocent") is { } innocent
                ? innocent.Entries.ToDictionary(entry => entry.Key, entry => Pattern(innocent, entry.Key, Case(entry.Key))!)
                : new Dictionary<string, Regex>(),
        };
    }

    static RegexOptions Case(string key) => key is "words" or "digests" or "values" ? RegexOptions.None : RegexOptions.IgnoreCase;

    static Token Format(Document at, bool isOwn)
    {
        // Most expressions are never used, so they are read at their first use.
        var text = at.Text("text");
        if (isOwn)
            Pattern(at, "text");
        return new(
            at.Text("name"),
            at.Find("has") is null ? [] : Texts(at, "has"),
            new(() => Expression(text, RegexOptions.None)),
            Pattern(at, "innocent")
        );
    }

    static List<string> Texts(Document at, string list) => at.List(list).Select((_, i) => at.Text($"{list}.{i}")).ToList();

    static Allowed Allowance(Document at)
    {
        if (at.Find("because") is not { Value: string { Length: > 0 } })
            throw new ConfigException(at.Source, "because", "an entry of allow needs the reason: because: \"…\".");
        string? Optional(string key) => at.Find(key) is null ? null : at.Text(key);
        var (path, setting, variable) = (Optional("path"), Optional("setting"), Optional("variable"));
        if (new[] { path, setting, variable }.Count(place => place is not null) != 1)
            throw new ConfigException(at.Source, "allow", "an entry of allow names one place: path, setting or variable.");
        return new(
            path is null ? null : Glob(path),
            setting,
            variable,
            Optional("rule"),
            at.Find("line") is null ? null : at.Integer("line")
        );
    }

    // A path in which * stands for a part of a name, and ** for any folders. A line break at its end hides no name.
    static Regex Glob(string path) =>
        Expression(
            @"\A"
                + Regex.Escape(path).Replace(@"\*\*/", "(.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*").Replace(@"\?", "[^/]")
                + @"\n?\z",
            RegexOptions.None
        );

    static IEnumerable<Document> Each(Document file, string list, params string[] keys)
    {
        if (file.Find(list) is not { IsNull: false })
            yield break;
        foreach (var at in file.List(list))
        {
            Keys(at, list, keys);
            yield return at;
        }
    }

    static void Keys(Document map, string path, params string[] known)
    {
        foreach (var entry in map.IsMap ? map.Entries : throw map.IsNot(path, "a mapping"))
            if (!known.Contains(entry.Key))
                throw new ConfigException(
                    entry.KeySource,
                    entry.Key,
                    $"unknown key {entry.Key}. Known keys: {string.Join(", ", known)}{Spelling.DidYouMean(entry.Key, known)}."
                );
    }

    static Regex? Pattern(Document map, string key, RegexOptions options = RegexOptions.None)
    {
        if (map.Find(key) is null)
            return key is "except" or "text" or "innocent" ? null : throw new ConfigException(map.Source, key, $"{key} is missing.");
        try
        {
            return Expression(map.Text(key), options);
        }
        catch (ArgumentException error)
        {
            throw new ConfigException(map.Get(key).Source, key, $"this is not a valid regular expression: {error.Message}");
        }
    }

    // The time limit ends a search with an expression that backtracks without end; such a text counts as a match.
    static Regex Expression(string text, RegexOptions options) =>
        new(text, options | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
}
