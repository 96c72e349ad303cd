using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// Writes a <see cref="Document"/> as YAML that reads back as an equal document, here and in YAML 1.1 readers of other languages: floats always
/// look like floats, and a text is quoted unless every reader takes it for a text.
/// </summary>
static partial class YamlText
{
    // Starts with a letter and has no characters that are special in YAML; a colon or a hash only where it is harmless.
    [GeneratedRegex(
        @"^([A-Za-z_]|\.{0,2}/)([A-Za-z0-9_./+*()@=-]|:(?=[A-Za-z0-9/])| (?=[A-Za-z0-9_./+*()@=-]))*\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Harmless();

    // Words that some version of YAML reads as a bool or null.
    static readonly HashSet<string> Words = new(
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"],
        StringComparer.OrdinalIgnoreCase
    );

    internal static string Block(Document document)
    {
        var text = new StringBuilder();
        if (IsInline(document))
            text.Append(Flow(document)).Append('\n');
        else
            Block(text, document, 0);
        return text.ToString();
    }

    static void Block(StringBuilder text, Document document, int indent)
    {
        foreach (var entry in document.Entries)
        {
            text.Append(' ', indent).Append(Scalar(entry.Key)).Append(':');
            if (IsInline(entry.Value))
                text.Append(' ').Append(Flow(entry.Value)).Append('\n');
            else
                text.Append('\n').Append(Below(entry.Value, indent + 2));
        }
        foreach (var item in document.Items)
        {
            text.Append(' ', indent).Append('-');
            if (IsInline(item))
            {
                text.Append(' ').Append(Flow(item)).Append('\n');
                continue;
            }
            // The first key follows its hyphen on the same line.
            var below = new StringBuilder();
            Block(below, item, indent + 2);
            text.Append(' ').Append(below, indent + 2, below.Length - indent - 2);
        }
    }

    // The runs of a sweep share most of their documents, which are immutable, so the text of each is cached.
    static readonly ConditionalWeakTable<Document, Tuple<int, string>> Written = [];

    static string Below(Document document, int indent)
    {
        if (Written.TryGetValue(document, out var known) && known.Item1 == indent)
            return known.Item2;
        var text = new StringBuilder();
        Block(text, document, indent);
        Written.AddOrUpdate(document, new(indent, text.ToString()));
        return text.ToString();
    }

    // Scalars, lists of scalars, and empty documents take one line.
    static bool IsInline(Document document) =>
        document.IsScalar || (document.Entries.Count == 0 && document.Items.All(item => item.IsScalar));

    internal static string Flow(Document document) =>
        document.Kind switch
        {
            DocumentKind.List => $"[{string.Join(", ", document.Items.Select(Flow))}]",
            DocumentKind.Map => $"{{{string.Join(", ", document.Entries.Select(entry => $"{Scalar(entry.Key)}: {Flow(entry.Value)}"))}}}",
            DocumentKind.Null => "null",
            DocumentKind.Bool => (bool)document.Value! ? "true" : "false",
            DocumentKind.Integer => ((long)document.Value!).ToString(CultureInfo.InvariantCulture),
            DocumentKind.Float => Scalars.Text((double)document.Value!),
            _ => Scalar((string)document.Value!),
        };

    static string Scalar(string text) =>
        Harmless().IsMatch(text) && !Words.Contains(text) && Scalars.Resolve(text) is string ? text : Quote(text);

    static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(
                c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    < ' ' or (>= '\u007F' and <= '\u00A0') or '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF' => $"\\u{(int)c:x4}",
                    _ => c.ToString(),
                }
            );
        return quoted.Append('"').ToString();
    }
}
