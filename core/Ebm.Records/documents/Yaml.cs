using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using ScalarEvent = YamlDotNet.Core.Events.Scalar;

namespace Ebm.Records;

/// <summary>
/// Reads YAML into a <see cref="Document"/>. YamlDotNet gives the place and text of each node; <see cref="Scalars"/> determines the types of
/// scalars. It rejects, each with a message: duplicate keys, tabs, tags outside the core schema, merge keys, keys that are not scalars, a second
/// document, too much nesting or too many aliases, and invalid characters.
/// </summary>
static class Yaml
{
    const int Depth = 64;
    const long Nodes = 100_000;
    const string CoreTag = "tag:yaml.org,2002:";

    internal static Document Read(string path, string shownAs)
    {
        byte[] bytes;
        try
        {
            bytes = RegularFile.Bytes(path, RegularFile.Written);
        }
        catch (InvalidDataException error)
        {
            throw new ConfigException(Source.InFile(shownAs, 0, 0), "", error.Message[(path.Length + 2)..]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ConfigException(Source.InFile(shownAs, 0, 0), "", Missing(path, error));
        }
        try
        {
            return Parse(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes), shownAs);
        }
        catch (DecoderFallbackException error)
        {
            var line = 1 + bytes.Take(Math.Max(0, error.Index)).Count(b => b == '\n');
            throw new ConfigException(Source.InFile(shownAs, line, 0), "", "this is not UTF-8 text; save the file as UTF-8.");
        }
    }

    static string Missing(string path, Exception error)
    {
        if (Directory.Exists(path))
            return "this is a folder, not a YAML file.";
        if (error is not (FileNotFoundException or DirectoryNotFoundException))
            return $"the file cannot be read: {error.Message.TrimEnd('.')}.";
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            return "there is no such file, and no such folder.";
        var beside = Directory.GetFiles(folder, "*.yaml").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
        return $"there is no such file; its folder contains {(beside.Count == 0 ? "no .yaml file" : string.Join(", ", beside))}{Spelling.DidYouMean(Path.GetFileName(path), beside)}.";
    }

    internal static Document Parse(string text, string file)
    {
        text = text.StartsWith('\uFEFF') ? text[1..] : text;
        RefuseWhatIsNotText(text, file);
        var reader = new Reader(text, file);
        return reader.Whole();
    }

    static void RefuseWhatIsNotText(string text, string file)
    {
        var line = 1;
        var lineStart = 0;
        var indented = true;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            Source Here() => Source.InFile(file, line, i - lineStart + 1);
            if (c == '\t' && indented && text.AsSpan(i).TrimStart("\t ") is { IsEmpty: false } rest && rest[0] is not ('\n' or '\r' or '#'))
                throw new ConfigException(Here(), "", "the indentation contains a tab; indent with blanks.");
            if (char.IsSurrogate(c))
            {
                if (!char.IsHighSurrogate(c) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                    throw new ConfigException(Here(), "", $"half of a surrogate pair, \\u{(int)c:x4}, is not valid text.");
                i++;
            }
            else if (
                (c < ' ' && c is not ('\t' or '\n' or '\r'))
                || c is (>= '\u007F' and <= '\u009F') or '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF'
            )
                throw new ConfigException(
                    Here(),
                    "",
                    $"control character \\u{(int)c:x4}; delete it, or write it as an escape in double quotes."
                );
            indented = c is '\n' or '\r' || (indented && c is ' ');
            if (c == '\n' || (c == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
                (line, lineStart) = (line + 1, i + 1);
        }
    }

    sealed class Reader(string text, string file)
    {
        readonly Parser parser = new(new StringReader(text));
        readonly Dictionary<string, Document> anchors = [];
        readonly List<(int Start, int End)> quoted = [];
        long expanded;

        internal Document Whole()
        {
            Next();
            var first = Next();
            if (first is StreamEnd)
                return Document.OfMap(Array.Empty<Entry>(), Source.InFile(file, 1, 1));
            var document = Node(Next(), 0, "");
            if (Next() is not DocumentEnd)
                throw Refuse(parser.Current!.Start, "", "this does not belong to the document; check its indentation.");
            var last = Next();
            if (last is DocumentStart)
                throw Refuse(last.Start, "", "a second document starts here (---); a file may contain only one.");
            RefuseTabs();
            return document;
        }

        ParsingEvent Next()
        {
            try
            {
                parser.MoveNext();
                return parser.Current!;
            }
            catch (YamlException error)
            {
                throw Refuse(error.Start, "", Explain(error));
            }
            // For some texts YamlDotNet throws other exceptions (such as InvalidOperationException); all of them mean that it cannot parse on.
            catch (Exception error)
            {
                throw new ConfigException(
                    At(parser.Current?.End ?? Mark.Empty),
                    "",
                    "this is not YAML from here on: a bracket, a quote or a line break is missing or superfluous.",
                    error
                );
            }
        }

        // Explains common mistakes in this project's words, the others in YamlDotNet's.
        static string Explain(YamlException error)
        {
            var says = error.Message;
            return says.Contains("found invalid mapping")
                    ? "this text contains \": \"; check the indentation, begin a new line, or put the text in quotes."
                : says.Contains("cannot start any token") ? "no value can start with this character; put it in quotes."
                : says.Contains("parsing a block mapping")
                    ? "a key with a colon is expected here; check the indentation, and the quotes above."
                : says.Contains("parsing a block collection") ? "a list continues here without a hyphen; check the indentation."
                : says.Contains("parsing a flow sequence") ? "error in a list in brackets; a comma or the ] is missing."
                : says.Contains("parsing a flow mapping") ? "error in a mapping in braces; a comma or the } is missing."
                : says.Contains("scanning a quoted scalar, found unexpected end")
                || says.Contains("scanning a multi-line double-quoted scalar")
                    ? "a quote is opened but not closed before the indentation ends."
                : says.Contains("could not find expected ':'") ? "a key has no colon."
                : says == "" ? "this is not YAML."
                : $"this is not YAML: {char.ToLowerInvariant(says[0])}{says[1..].TrimEnd('.')}.";
        }

        Document Node(ParsingEvent node, int depth, string path)
        {
            if (depth > Depth)
                throw Refuse(node.Start, path, $"more than {Depth} levels are nested here.");
            return node switch
            {
                AnchorAlias alias => Alias(alias, path),
                ScalarEvent scalar => Remember(scalar, Scalar(scalar, path)),
                SequenceStart list => Remember(list, List(list, depth, path)),
                MappingStart map => Remember(map, Map(map, depth, path)),
                _ => throw Refuse(node.Start, path, "this is not YAML: a value is missing."),
            };
        }

        Document Remember(NodeEvent node, Document value)
        {
            if (!node.Anchor.IsEmpty)
                anchors[node.Anchor.Value] = value;
            return value;
        }

        Document Alias(AnchorAlias alias, string path)
        {
            if (!anchors.TryGetValue(alias.Value.Value, out var value))
                throw Refuse(
                    alias.Start,
                    path,
                    $"*{alias.Value.Value} is an unknown alias; to define it, write &{alias.Value.Value} before the value that it repeats."
                );
            expanded += value.Size;
            if (expanded > Nodes)
                throw Refuse(alias.Start, path, $"the aliases (*) of this file expand to more than {Nodes} values; write the values out.");
            return value;
        }

        Document List(SequenceStart start, int depth, string path)
        {
            Allow(start, "seq", path);
            var items = new List<Document>();
            for (var node = Next(); node is not SequenceEnd; node = Next())
                items.Add(Node(node, depth + 1, Document.Join(path, items.Count.ToString(CultureInfo.InvariantCulture))));
            return Document.OfList(items, At(start.Start));
        }

        Document Map(MappingStart start, int depth, string path)
        {
            Allow(start, "map", path);
            var entries = new List<Entry>();
            var lines = new Dictionary<string, long>();
            for (var node = Next(); node is not MappingEnd; node = Next())
            {
                if (node is not ScalarEvent key)
                    throw Refuse(node.Start, path, "a key must be a plain word; lists, mappings and aliases cannot be keys.");
                Allow(key, "str", path);
                Protect(key);
                if (key.Value == "" && key.Style == ScalarStyle.Plain)
                    throw Refuse(key.Start, path, "the key before the colon is missing.");
                if (key is { Value: "<<", Style: ScalarStyle.Plain })
                    throw Refuse(
                        key.Start,
                        path,
                        "merge keys (<<) are not part of YAML 1.2; write the keys out, or name the other file under defaults."
                    );
                var below = Document.Join(path, key.Value);
                if (!lines.TryAdd(key.Value, key.Start.Line))
                    throw Refuse(key.Start, below, $"this key occurs twice, first in line {lines[key.Value]}; delete one of them.");
                entries.Add(new(key.Value, At(key.Start), Node(Next(), depth + 1, below)));
            }
            return Document.OfMap(entries, At(start.Start));
        }

        Document Scalar(ScalarEvent scalar, string path)
        {
            Protect(scalar);
            var tag = Allow(scalar, "str, int, float, bool, null", path);
            var source = At(scalar.Start);
            if (tag == "str" || (tag is null && scalar.Style != ScalarStyle.Plain))
                return Document.Of(scalar.Value, source);
            try
            {
                var value = Document.From(Scalars.Resolve(scalar.Value), source);
                return tag switch
                {
                    null => value,
                    "float" when value.AsFloat() is { } number => Document.Of(number, source),
                    "int" when value.Kind == DocumentKind.Integer => value,
                    "bool" when value.Kind == DocumentKind.Bool => value,
                    "null" when value.IsNull => value,
                    _ => throw Refuse(scalar.Start, path, $"\"{scalar.Value}\" is not a valid !!{tag}, as its tag says; delete the tag."),
                };
            }
            catch (OverflowException error)
            {
                throw Refuse(scalar.Start, path, error.Message);
            }
        }

        // The node's core-schema tag without prefix; null if it has none. The tag "!" makes a scalar a text.
        string? Allow(NodeEvent node, string allowed, string path)
        {
            if (node.Tag.IsEmpty)
                return null;
            if (node.Tag.IsNonSpecific || node.Tag.Value == "!")
                return allowed.StartsWith("str") ? "str" : null;
            var tag = node.Tag.Value;
            if (tag.StartsWith(CoreTag, StringComparison.Ordinal) && allowed.Split(", ").Contains(tag[CoreTag.Length..]))
                return tag[CoreTag.Length..];
            throw Refuse(node.Start, path, $"the tag {tag.Replace(CoreTag, "!!")} is not supported; delete it.");
        }

        void Protect(ScalarEvent scalar)
        {
            if (scalar.Style != ScalarStyle.Plain)
                quoted.Add(((int)scalar.Start.Index, (int)scalar.End.Index));
        }

        // Tabs are allowed in quoted text, in text blocks, in comments, and on otherwise empty lines.
        void RefuseTabs()
        {
            for (var at = text.IndexOf('\t'); at >= 0; at = text.IndexOf('\t', at))
            {
                if (QuotesAt(at) is { } end)
                {
                    at = end;
                    continue;
                }
                var lineStart = text.LastIndexOfAny(['\n', '\r'], at) + 1;
                var lineEnd = text.IndexOfAny(['\n', '\r'], at) is >= 0 and var found ? found : text.Length;
                if (!InComment(lineStart, at) && !text.AsSpan(lineStart, lineEnd - lineStart).IsWhiteSpace())
                    throw new ConfigException(
                        Source.InFile(file, 1 + text.AsSpan(0, at).Count('\n'), at - lineStart + 1),
                        "",
                        "this line contains a tab; write blanks, or put the text in quotes."
                    );
                at = lineEnd;
            }
        }

        // The end of the quoted text at a position; null outside of quotes. The spans are in text order.
        int? QuotesAt(int at)
        {
            var after = quoted.BinarySearch((at, int.MaxValue));
            var before = (after < 0 ? ~after : after) - 1;
            return before >= 0 && quoted[before].Start <= at && at < quoted[before].End ? quoted[before].End : null;
        }

        bool InComment(int lineStart, int at)
        {
            for (var i = lineStart; i < at; i++)
                if (text[i] == '#' && (i == lineStart || text[i - 1] is ' ' or '\t') && QuotesAt(i) is null)
                    return true;
            return false;
        }

        Source At(Mark mark) => Source.InFile(file, (int)mark.Line, (int)mark.Column);

        ConfigException Refuse(Mark mark, string path, string says) => new(At(mark), path, says);
    }
}
