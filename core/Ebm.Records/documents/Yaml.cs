using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using ScalarEvent = YamlDotNet.Core.Events.Scalar;

namespace Ebm.Records;

/// <summary>
/// Reads YAML into a <see cref="Document"/>. YamlDotNet tells where each node begins and what stands there; what a scalar means is decided in
/// <see cref="Scalars"/>. Refused, each with a sentence: keys that stand twice, tabs, tags beyond the core schema's, merge keys, keys that are not
/// scalars, a second document, nesting or aliases without measure, characters that are not text.
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
            bytes = File.ReadAllBytes(path);
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
            return "this is a folder; a YAML file is wanted.";
        if (error is not (FileNotFoundException or DirectoryNotFoundException))
            return $"the file cannot be read: {error.Message}";
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            return "there is no such file, nor its folder.";
        var beside = Directory.GetFiles(folder, "*.yaml").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
        return $"there is no such file; its folder holds {(beside.Count == 0 ? "no .yaml file" : string.Join(", ", beside))}{Spelling.DidYouMean(Path.GetFileName(path), beside)}.";
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
                throw new ConfigException(Here(), "", "a tab stands in the indentation; indent with blanks.");
            if (char.IsSurrogate(c))
            {
                if (!char.IsHighSurrogate(c) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                    throw new ConfigException(Here(), "", $"half of a character, \\u{(int)c:x4}, stands here; it is not text.");
                i++;
            }
            else if (
                (c < ' ' && c is not ('\t' or '\n' or '\r'))
                || c is (>= '\u007F' and <= '\u009F') or '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF'
            )
                throw new ConfigException(
                    Here(),
                    "",
                    $"the control character \\u{(int)c:x4} stands here; delete it, or write it as an escape in double quotes."
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
                throw Refuse(last.Start, "", "a second document begins here (---); a file holds one.");
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
            // YamlDotNet also stumbles over some texts in other ways (an InvalidOperationException, for one); all of them mean that it cannot read on from here.
            catch (Exception error)
            {
                throw new ConfigException(
                    At(parser.Current?.End ?? Mark.Empty),
                    "",
                    "this is not YAML from here on: a bracket, a quote or a line break is missing, or too many are there.",
                    error
                );
            }
        }

        // The common mistakes in this project's words; the others in YamlDotNet's.
        static string Explain(YamlException error)
        {
            var says = error.Message;
            return says.Contains("found invalid mapping")
                    ? "a \": \" stands inside a text here; check the indentation, begin a new line, or put the text in quotes."
                : says.Contains("cannot start any token") ? "no value can begin with this character; put it in quotes."
                : says.Contains("parsing a block mapping")
                    ? "a key with its colon is wanted here; check the indentation, and the quotes above."
                : says.Contains("parsing a block collection") ? "a list goes on here without its hyphen; check the indentation."
                : says.Contains("parsing a flow sequence") ? "a list in brackets goes wrong here; a comma or its ] is missing."
                : says.Contains("parsing a flow mapping") ? "a mapping in braces goes wrong here; a comma or its } is missing."
                : says.Contains("scanning a quoted scalar, found unexpected end")
                || says.Contains("scanning a multi-line double-quoted scalar")
                    ? "a quote is opened, and not closed before the text's indentation ends."
                : says.Contains("could not find expected ':'") ? "a key stands here without its colon."
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
                    $"*{alias.Value.Value} repeats something that was not named before; write &{alias.Value.Value} in front of it."
                );
            expanded += value.Size;
            if (expanded > Nodes)
                throw Refuse(
                    alias.Start,
                    path,
                    $"the aliases (*) of this file stand for more than {Nodes} values; write out what is meant."
                );
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
                    throw Refuse(key.Start, path, "the key in front of the colon is missing.");
                if (key is { Value: "<<", Style: ScalarStyle.Plain })
                    throw Refuse(
                        key.Start,
                        path,
                        "merge keys (<<) are not part of YAML 1.2; write the keys out, or name the other file under defaults."
                    );
                var below = Document.Join(path, key.Value);
                if (!lines.TryAdd(key.Value, key.Start.Line))
                    throw Refuse(key.Start, below, $"this key stands here twice, first in line {lines[key.Value]}; delete one of them.");
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
                    _ => throw Refuse(scalar.Start, path, $"\"{scalar.Value}\" is not what its tag !!{tag} says; delete the tag."),
                };
            }
            catch (OverflowException error)
            {
                throw Refuse(scalar.Start, path, error.Message);
            }
        }

        // The core schema's tag of a node without its prefix; null when it has none. "!" alone makes a text of a scalar.
        string? Allow(NodeEvent node, string allowed, string path)
        {
            if (node.Tag.IsEmpty)
                return null;
            if (node.Tag.IsNonSpecific || node.Tag.Value == "!")
                return allowed.StartsWith("str") ? "str" : null;
            var tag = node.Tag.Value;
            if (tag.StartsWith(CoreTag, StringComparison.Ordinal) && allowed.Split(", ").Contains(tag[CoreTag.Length..]))
                return tag[CoreTag.Length..];
            throw Refuse(node.Start, path, $"the tag {tag.Replace(CoreTag, "!!")} is not known here; delete it.");
        }

        void Protect(ScalarEvent scalar)
        {
            if (scalar.Style != ScalarStyle.Plain)
                quoted.Add(((int)scalar.Start.Index, (int)scalar.End.Index));
        }

        // Tabs may stand in quoted text, in text blocks, in comments, and on lines that hold nothing else.
        void RefuseTabs()
        {
            for (var at = text.IndexOf('\t'); at >= 0; at = text.IndexOf('\t', at + 1))
            {
                var lineStart = text.LastIndexOfAny(['\n', '\r'], at) + 1;
                var lineEnd = text.IndexOfAny(['\n', '\r'], at) is >= 0 and var end ? end : text.Length;
                if (InQuotes(at) || InComment(lineStart, at) || text.AsSpan(lineStart, lineEnd - lineStart).IsWhiteSpace())
                    continue;
                throw new ConfigException(
                    Source.InFile(file, 1 + text.AsSpan(0, at).Count('\n'), at - lineStart + 1),
                    "",
                    "a tab stands here; write blanks, or put the text in quotes."
                );
            }
        }

        // The spans come in the order of the text.
        bool InQuotes(int at)
        {
            var after = quoted.BinarySearch((at, int.MaxValue));
            var before = (after < 0 ? ~after : after) - 1;
            return before >= 0 && quoted[before].Start <= at && at < quoted[before].End;
        }

        bool InComment(int lineStart, int at)
        {
            for (var i = lineStart; i < at; i++)
                if (text[i] == '#' && (i == lineStart || text[i - 1] is ' ' or '\t') && !InQuotes(i))
                    return true;
            return false;
        }

        Source At(Mark mark) => Source.InFile(file, (int)mark.Line, (int)mark.Column);

        ConfigException Refuse(Mark mark, string path, string says) => new(At(mark), path, says);
    }
}
