using System.Buffers;
using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// Finds what looks like a secret in the names and texts of files, in configs and in messages, by the rules of <c>secret-rules.yaml</c> and of the
/// repository's own <c>.ebm-secrets.yaml</c>. No result contains a secret or a part of one.
/// </summary>
public sealed class Secrets
{
    /// <summary>The file at a repository's root that adds rules and allows matches.</summary>
    public const string OwnFile = ".ebm-secrets.yaml";

    static readonly Lazy<Secrets> standard = new(() => new(SecretRules.Of(Embedded(), isOwn: false)));
    static readonly Lazy<Secrets> here = new(() =>
    {
        for (
            var folder = Path.GetDirectoryName(typeof(Secrets).Assembly.Location);
            folder is not null;
            folder = Path.GetDirectoryName(folder)
        )
            if (File.Exists(Path.Combine(folder, OwnFile)))
                try
                {
                    return At(folder);
                }
                catch (ConfigException)
                {
                    // A launch and an export read the file, too, and report what is wrong with it.
                    return Standard;
                }
        return Standard;
    });

    readonly SecretRules rules;
    readonly SearchValues<string> hints,
        nameHints;

    Secrets(SecretRules rules)
    {
        this.rules = rules;
        hints = Any(rules.Tokens.SelectMany(rule => rule.Has));
        nameHints = Any(rules.Assignments.SelectMany(rule => rule.Has));
    }

    static SearchValues<string> Any(IEnumerable<string> texts) =>
        SearchValues.Create(texts.Distinct().ToArray(), StringComparison.OrdinalIgnoreCase);

    /// <summary>The rules of this project alone.</summary>
    public static Secrets Standard => standard.Value;

    /// <summary>The rules of the repository that contains these assemblies.</summary>
    public static Secrets Here => here.Value;

    /// <summary>The rules of a repository.</summary>
    /// <exception cref="ConfigException">Its <see cref="OwnFile"/> is not valid.</exception>
    public static Secrets At(string root)
    {
        var file = Path.Combine(root, OwnFile);
        return File.Exists(file) ? new(Standard.rules.With(SecretRules.Of(Document.Read(file, OwnFile), isOwn: true))) : Standard;
    }

    static Document Embedded()
    {
        using var stream = typeof(Secrets).Assembly.GetManifestResourceStream("secret-rules.yaml")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Document.Parse(reader.ReadToEnd(), "secret-rules.yaml");
    }

    // ── Files ───────────────────────────────────────────────────────────────────────────────────

    /// <summary>What a file's name and bytes contain; one place for each rule and line, without those that the repository allows.</summary>
    /// <param name="path">With forward slashes, relative to the repository or to the exported folder.</param>
    public IReadOnlyList<SecretFound> InFile(string path, byte[] bytes)
    {
        var text = Decoded(bytes, out var isBinary);
        var shown = Masked(path);
        var found = new List<SecretFound>();
        if (rules.Names.FirstOrDefault(rule => Matches(rule, path, text)) is { } name)
            found.Add(new(shown, 0, name.Rule));
        if (Tokens(path, strict: true) is [var first, ..])
            found.Add(new(shown, 0, first.Rule));
        var assigned = !isBinary && !rules.Innocent["paths"].IsMatch(path);
        var (line, at) = (1, 0);
        foreach (var span in Spans(text, strict: false, assigned, unquoted: rules.Innocent["unquoted"].IsMatch(path)))
        {
            line += text.AsSpan(at, span.Start - at).Count('\n');
            at = span.Start;
            found.Add(new(shown, line, span.Rule));
        }
        return found
            .Distinct()
            .Where(found => !rules.Allowances.Any(a => a.Path is { } p && p.IsMatch(path) && Fits(a, found.Rule, found.Line)))
            .ToList();
    }

    static bool Fits(SecretRules.Allowed allowed, string rule, int line) =>
        (allowed.Rule is null || allowed.Rule == rule) && (allowed.Line is null || allowed.Line == line);

    static bool Matches(SecretRules.Name rule, string path, string text) =>
        rule.Path.IsMatch(path) && rule.Except?.IsMatch(path) != true && rule.Text?.IsMatch(text) != false;

    /// <summary>A text of any encoding; bytes that are not text are read as if they were, because keys are ASCII.</summary>
    static string Decoded(byte[] bytes, out bool isBinary)
    {
        isBinary = false;
        if (bytes is [0xFF, 0xFE, ..])
            return Encoding.Unicode.GetString(bytes);
        if (bytes is [0xFE, 0xFF, ..])
            return Encoding.BigEndianUnicode.GetString(bytes);
        isBinary = bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0);
        return Encoding.Latin1.GetString(bytes);
    }

    // ── Configs ─────────────────────────────────────────────────────────────────────────────────

    /// <summary>The rule that a setting's value matches; null if it matches none, or is allowed.</summary>
    /// <param name="path">The dotted path of the setting.</param>
    public string? InSetting(string path, string value)
    {
        var rule = Tokens(value, strict: true) is [var first, ..] ? first.Rule : Judged(path, value, strict: true);
        return rule is null || rules.Allowances.Any(a => a.Setting == path && Fits(a, rule, 0)) ? null : rule;
    }

    /// <summary>Refuses a setting whose value looks like a secret, because configs are recorded and published.</summary>
    /// <param name="path">The dotted path of the setting.</param>
    /// <exception cref="ConfigException">Its message names the place and the rule, not the value.</exception>
    public void RefuseIn(string path, Document setting)
    {
        if (setting.Value is not (string or long) || InSetting(path, $"{setting.Value}") is not { } rule)
            return;
        var source = setting.Source.Argument is null ? setting.Source : Source.Of("command line");
        throw new ConfigException(
            source,
            path,
            $"this value looks like a secret ({rule}), and it would be recorded and published; let the code read it from the environment while it "
                + $"runs. If it is not a secret, add `- {{ setting: {path}, rule: {rule}, because: \"…\" }}` below `allow:` in {OwnFile}."
        );
    }

    /// <summary>Refuses a config with a value that looks like a secret.</summary>
    /// <exception cref="ConfigException">Its message names the place and the rule, not the value.</exception>
    public void RefuseIn(Document config) => Refuse(config, "");

    // The runs of a sweep share most of their documents, so each is checked once for a path.
    readonly ConditionalWeakTable<Document, string> clean = [];

    void Refuse(Document node, string path)
    {
        if (node.IsScalar)
        {
            RefuseIn(path, node);
            return;
        }
        if (clean.TryGetValue(node, out var known) && known == path)
            return;
        foreach (var entry in node.Entries)
            Refuse(entry.Value, Document.Join(path, entry.Key));
        for (var i = 0; i < node.Items.Count; i++)
            Refuse(node.Items[i], Document.Join(path, $"{i}"));
        clean.AddOrUpdate(node, path);
    }

    /// <summary>Whether the name of an environment variable shows that its value is secret, and the repository does not allow it.</summary>
    public bool IsSecret(string variable) =>
        rules.Variables.Any(names => names.IsMatch(variable)) && !rules.Allowances.Any(allowed => allowed.Variable == variable);

    /// <summary>Whether an environment variable's name or value looks like a secret.</summary>
    public bool IsSecret(string variable, string value) =>
        IsSecret(variable) || (InSetting(variable, value) is not null && !rules.Allowances.Any(allowed => allowed.Variable == variable));

    // ── Messages ────────────────────────────────────────────────────────────────────────────────

    /// <summary>
    /// The text with <c>[withheld: rule]</c> in place of each secret, and with the name of each environment variable in place of its value if the
    /// name shows that it is secret.
    /// </summary>
    public string Masked(string text)
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            if (
                variable is { Key: string name, Value: string { Length: >= 8 } value }
                && text.Contains(value)
                && value[0] != '/'
                && IsSecret(name)
            )
                text = text.Replace(value, $"[withheld: {name}]");
        var masked = new StringBuilder();
        var at = 0;
        foreach (var span in Spans(text, strict: true, assigned: true, unquoted: true))
        {
            // A secret that two rules find is masked once.
            if (span.Start >= at)
                masked.Append(text, at, span.Start - at).Append("[withheld: ").Append(span.Rule).Append(']');
            at = Math.Max(at, span.Start + span.Length);
        }
        return at == 0 ? text : masked.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>The words of a command line with their secrets masked, also those that follow the option that names them.</summary>
    public IReadOnlyList<string> Masked(IEnumerable<string> words)
    {
        var masked = new List<string>();
        var before = "";
        foreach (var word in words)
        {
            var isOption = before.StartsWith("--", StringComparison.Ordinal) && !before.Contains('=');
            masked.Add(isOption && Judged(before.TrimStart('-'), word, strict: true) is { } rule ? $"[withheld: {rule}]" : Masked(word));
            before = word;
        }
        return masked;
    }

    /// <summary>Masks the secrets in a log that nothing writes to any more; other bytes stay as they are, and so do a pipe and a device.</summary>
    public void Mask(string file)
    {
        if (!File.Exists(file) || RegularFile.Refusal(file) is not null)
            return;
        var text = File.ReadAllText(file, Encoding.Latin1);
        if (Masked(text) is var masked && masked != text)
            File.WriteAllText(file, masked, Encoding.Latin1);
    }

    // ── The search ──────────────────────────────────────────────────────────────────────────────

    readonly record struct Span(int Start, int Length, string Rule);

    /// <summary>Every match in the order of its start.</summary>
    /// <param name="strict">Not documentation or code: values that are usual there count as well.</param>
    /// <param name="assigned">Search for values that are assigned to a name.</param>
    /// <param name="unquoted">Such a value may stand without quotes.</param>
    List<Span> Spans(string text, bool strict, bool assigned, bool unquoted)
    {
        var found = Tokens(text, strict);
        if (assigned)
            Assigned(text, strict, unquoted, found);
        // The longer of two matches at one place comes first.
        found.Sort((one, other) => one.Start != other.Start ? one.Start - other.Start : other.Length - one.Length);
        return found;
    }

    void Assigned(string text, bool strict, bool unquoted, List<Span> found)
    {
        for (var at = 0; at < text.Length && text.AsSpan(at).IndexOfAny(nameHints) is >= 0 and var hint; )
        {
            // The whole name around the hint.
            var (start, end) = (at + hint, at + hint + 1);
            while (start > at && IsInName(text[start - 1]))
                start--;
            while (start < end - 1 && !(char.IsAsciiLetter(text[start]) || text[start] == '_'))
                start++;
            while (end < text.Length && IsInName(text[end]))
                end++;
            at = end;
            try
            {
                if (end - start > LongestName || Assignment.Match(text, start) is not { Success: true } match)
                    continue;
                var value = match.Groups["value"];
                if ((unquoted || match.Groups["quote"].Success) && Judged(match.Groups["name"].Value, value.Value, strict) is { } rule)
                {
                    found.Add(new(value.Index, value.Length, rule));
                    at = value.Index + value.Length;
                }
            }
            catch (RegexMatchTimeoutException)
            {
                found.Add(new(0, text.Length, "search-took-too-long"));
                return;
            }
        }
    }

    static bool IsInName(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-';

    const int LongestName = 80;

    List<Span> Tokens(string text, bool strict)
    {
        var found = new List<Span>();
        var hinted = text.AsSpan().ContainsAny(hints);
        foreach (var rule in rules.Tokens)
        {
            if (rule.Has.Count > 0 && !(hinted && rule.Has.Any(has => text.Contains(has, StringComparison.OrdinalIgnoreCase))))
                continue;
            try
            {
                for (var match = rule.Text.Value.Match(text); match.Success; match = match.NextMatch())
                {
                    var secret = match.Groups["secret"] is { Success: true } group ? group : match;
                    if (strict || rule.Innocent?.IsMatch(secret.Value) != true)
                        found.Add(new(secret.Index, secret.Length, rule.Rule));
                }
            }
            catch (RegexMatchTimeoutException)
            {
                found.Add(new(0, text.Length, rule.Rule));
            }
        }
        return found;
    }

    /// <summary>name = "value", "name": "value", name: str = 'value', f("name", "value"), &lt;name&gt;value, --name value.</summary>
    static readonly Regex Assignment = new(
        @"\G(?<name>[A-Za-z_][A-Za-z0-9_.-]{1,80})\\?[""']?\]?"
            + @"(?:\s{0,4}(?::\s{0,4}[\w\[\]|?. ]{1,30}?\s{0,4}=(?!=)|:=|=>|={1,3}|:|,(?=\s{0,4}\\?[""'])|>)\s{0,4}|[""']?\s{1,4}value\s?=\s?"
            + @"|(?<=(?:^|\s)--[\w-]{1,80})[ \t]{1,4})"
            + @"(?:(?:[""']{2})?[rbfuRBFU@$]{0,2}(?<quote>\\?[""'`])(?<value>[^\s""'`\\]{4,400})\k<quote>"
            + @"|(?<value>[^\s""'`,;#<>(){}\[\]|&\\]{4,400})(?=[\s;,&#<)\]}""']|$))",
        RegexOptions.CultureInvariant,
        TimeSpan.FromSeconds(5)
    );

    /// <summary>The rule by which a value that is assigned to a name is a secret; null if it is not one.</summary>
    string? Judged(string name, string value, bool strict)
    {
        name = ConfigException.LastKey(name);
        if (rules.Innocent["names"].IsMatch(name) || rules.Assignments.FirstOrDefault(rule => rule.Names.IsMatch(name)) is not { } rule)
            return null;
        if (rules.Innocent["values"].IsMatch(value))
            return null;
        if (strict && rule.Words)
            return value.Length >= 4 ? rule.Rule : null;
        if (value.Length < rule.Shortest || !value.Any(char.IsAsciiLetter))
            return null;
        if (!value.Any(char.IsAsciiDigit) && !(rule.Words && value.Any(c => !char.IsAsciiLetter(c) && c is not ('-' or '_' or '.'))))
            return null;
        if (!rule.Words && rules.Innocent["words"].IsMatch(value))
            return null;
        if (!rule.Digests && rules.Innocent["digests"].IsMatch(value))
            return null;
        return Entropy(value) >= rule.Entropy ? rule.Rule : null;
    }

    /// <summary>Shannon's entropy of the characters, in bits per character.</summary>
    static double Entropy(string text) =>
        text.GroupBy(c => c).Select(group => (double)group.Count() / text.Length).Sum(share => -share * Math.Log2(share));
}
