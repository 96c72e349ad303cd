using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace Ebm.Records;

/// <summary>
/// Canonical JSON, similar to RFC 8785: the same text for the same value on every machine and in every culture, so that its SHA-256 can be an
/// identity. Keys are in ordinal order, strings in Unicode normal form C, without blanks. Two differences from the RFC: a float keeps its type
/// (<c>1.0</c> is not <c>1</c>; <see cref="Scalars.Text"/> defines the digits), and NaN and the infinities are the strings "NaN", "Infinity",
/// "-Infinity". −0.0 is 0.0.
/// </summary>
public static class Canonical
{
    // The runs of a sweep share most of their documents, which are immutable, so the text of each is cached.
    static readonly ConditionalWeakTable<Document, string> Written = [];

    /// <exception cref="ConfigException">A text cannot be normalised.</exception>
    public static string Json(Document document)
    {
        var text = new StringBuilder();
        Write(text, document, "");
        return text.ToString();
    }

    /// <summary>The parts of a map's text before and after the value of one of its keys.</summary>
    /// <exception cref="ConfigException">A text cannot be normalised.</exception>
    public static (string Before, string After) Around(Document map, string key)
    {
        var (before, after) = (new StringBuilder("{"), new StringBuilder());
        foreach (var entry in map.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var order = string.CompareOrdinal(entry.Key, key);
            var text =
                order > 0 ? after.Append(',')
                : before.Length > 1 ? before.Append(',')
                : before;
            WriteString(text, entry.Key, entry.KeySource, entry.Key);
            text.Append(':');
            if (order != 0)
                WriteShared(text, entry.Value, entry.Key);
        }
        return (before.ToString(), after.Append('}').ToString());
    }

    /// <summary>SHA-256 of a text's UTF-8 bytes, 64 lower-case hexadecimal digits.</summary>
    public static string Sha256(string text) => Sha256(Encoding.UTF8.GetBytes(text));

    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static string Sha256(Stream stream) => Convert.ToHexStringLower(SHA256.HashData(stream));

    /// <summary>SHA-256 of a file's bytes, 64 lower-case hexadecimal digits.</summary>
    /// <exception cref="InvalidDataException">It is a pipe or a device, which would have no end.</exception>
    public static string Sha256OfFile(string path)
    {
        using var stream = Disk.Read(path);
        return Sha256(stream);
    }

    static void Write(StringBuilder text, Document node, string path)
    {
        switch (node.Kind)
        {
            case DocumentKind.Null:
                text.Append("null");
                break;
            case DocumentKind.Bool:
                text.Append((bool)node.Value! ? "true" : "false");
                break;
            case DocumentKind.Integer:
                text.Append(((long)node.Value!).ToString(CultureInfo.InvariantCulture));
                break;
            case DocumentKind.Float:
                text.Append(Number((double)node.Value!));
                break;
            case DocumentKind.Text:
                WriteString(text, (string)node.Value!, node.Source, path);
                break;
            case DocumentKind.List:
                text.Append('[');
                for (var i = 0; i < node.Items.Count; i++)
                {
                    if (i > 0)
                        text.Append(',');
                    Write(text, node.Items[i], Document.Join(path, i.ToString(CultureInfo.InvariantCulture)));
                }
                text.Append(']');
                break;
            default:
                text.Append('{');
                var first = true;
                foreach (var entry in node.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    if (!first)
                        text.Append(',');
                    first = false;
                    var below = Document.Join(path, entry.Key);
                    WriteString(text, entry.Key, entry.KeySource, below);
                    WriteShared(text.Append(':'), entry.Value, below);
                }
                text.Append('}');
                break;
        }
    }

    static void WriteShared(StringBuilder text, Document node, string path)
    {
        if (!node.IsMap)
        {
            Write(text, node, path);
            return;
        }
        if (!Written.TryGetValue(node, out var known))
        {
            var own = new StringBuilder();
            Write(own, node, path);
            Written.AddOrUpdate(node, known = own.ToString());
        }
        text.Append(known);
    }

    static string Number(double value) =>
        double.IsNaN(value) ? "\"NaN\""
        : double.IsInfinity(value) ? (value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
        : Scalars.Text(value == 0 ? 0.0 : value);

    static void WriteString(StringBuilder text, string value, Source source, string path)
    {
        text.Append('"');
        foreach (var c in Normal(value, source, path))
            text.Append(
                c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\b' => "\\b",
                    '\t' => "\\t",
                    '\n' => "\\n",
                    '\f' => "\\f",
                    '\r' => "\\r",
                    < ' ' => $"\\u{(int)c:x4}",
                    _ => c.ToString(),
                }
            );
        text.Append('"');
    }

    // Below U+0300 every text is in normal form. Above, the runtime needs Unicode's tables: without them (invariant globalization) it returns its
    // argument unchanged, and one config would get two identities.
    static string Normal(string value, Source source, string path)
    {
        if (value.All(c => c < '\u0300'))
            return value;
        if ("e\u0301".Normalize(NormalizationForm.FormC).Length != 1)
            throw new ConfigException(
                source,
                path,
                $"\"{value}\" cannot be normalised, because this .NET runs without Unicode's tables; install libicu or use Latin letters only."
            );
        try
        {
            return value.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException error)
        {
            throw new ConfigException(source, path, $"this is not valid text: {error.Message}");
        }
    }
}
