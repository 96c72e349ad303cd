using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>What a node of a <see cref="Document"/> is.</summary>
public enum DocumentKind
{
    Null,
    Bool,
    Integer,
    Float,
    Text,
    List,
    Map,
}

/// <summary>One key of a map: the key, where it was written, its value.</summary>
public readonly record struct Entry(string Key, Source KeySource, Document Value);

/// <summary>
/// A configuration as a tree of typed values, each of which knows where it was written. Immutable: every edit gives a new tree.
/// Whole numbers are <see cref="long"/> and other numbers <see cref="double"/>; 1 and 1.0 are different values. Two documents are equal
/// when their values are, whatever the order of the keys and wherever they were written.
/// A path is keys joined by dots (<c>method.noise.low</c>); a number is an index into a list (<c>measure.list.0</c>); the empty path is the document itself.
/// </summary>
public sealed class Document : IEquatable<Document>
{
    readonly object? scalar;
    readonly IReadOnlyList<Entry> entries = [];
    readonly IReadOnlyList<Document> items = [];
    static readonly Dictionary<string, int> Nowhere = [];
    readonly Dictionary<string, int> places = Nowhere;

    Document(DocumentKind kind, object? scalar, Source source)
    {
        Kind = kind;
        this.scalar = scalar;
        Source = source;
        Size = 1;
    }

    Document(IReadOnlyList<Document> items, Source source)
    {
        Kind = DocumentKind.List;
        this.items = items;
        Source = source;
        Size = 1 + items.Sum(item => item.Size);
    }

    Document(IReadOnlyList<Entry> entries, Source source)
    {
        Kind = DocumentKind.Map;
        this.entries = entries;
        Source = source;
        Size = 1 + entries.Sum(entry => entry.Value.Size);
        places = new(entries.Count);
        for (var i = 0; i < entries.Count; i++)
            if (!places.TryAdd(entries[i].Key, i))
                throw new ConfigException(
                    entries[i].KeySource,
                    entries[i].Key,
                    $"this key stands here twice, first at {entries[places[entries[i].Key]].KeySource}; delete one of them."
                );
    }

    public DocumentKind Kind { get; }

    public Source Source { get; }

    /// <summary>The number of nodes in the tree, this one included.</summary>
    public long Size { get; }

    public bool IsNull => Kind == DocumentKind.Null;

    public bool IsMap => Kind == DocumentKind.Map;

    public bool IsList => Kind == DocumentKind.List;

    public bool IsScalar => !IsMap && !IsList;

    /// <summary>A scalar's value: null, a bool, a long, a double or a string. Null for maps and lists.</summary>
    public object? Value => scalar;

    /// <summary>A map's keys and values in the order in which they were written; empty for anything else.</summary>
    public IReadOnlyList<Entry> Entries => entries;

    /// <summary>A list's elements; empty for anything else.</summary>
    public IReadOnlyList<Document> Items => items;

    // ── made from values ──────────────────────────────────────────────────────────────────────

    /// <summary>A map without keys, written by a program.</summary>
    public static Document Empty { get; } = new(new List<Entry>(), Source.Code);

    public static Document Null(Source? source = null) => new(DocumentKind.Null, null, source ?? Source.Code);

    public static Document Of(bool value, Source? source = null) => new(DocumentKind.Bool, value, source ?? Source.Code);

    public static Document Of(long value, Source? source = null) => new(DocumentKind.Integer, value, source ?? Source.Code);

    public static Document Of(double value, Source? source = null) => new(DocumentKind.Float, value, source ?? Source.Code);

    public static Document Of(string value, Source? source = null) => new(DocumentKind.Text, value, source ?? Source.Code);

    public static Document OfList(IEnumerable<Document> items, Source? source = null) => new(items.ToList(), source ?? Source.Code);

    /// <exception cref="ConfigException">A key stands there twice.</exception>
    public static Document OfMap(IEnumerable<Entry> entries, Source? source = null) => new(entries.ToList(), source ?? Source.Code);

    /// <exception cref="ConfigException">A key stands there twice.</exception>
    public static Document OfMap(IEnumerable<KeyValuePair<string, Document>> entries, Source? source = null) =>
        new(entries.Select(pair => new Entry(pair.Key, pair.Value.Source, pair.Value)).ToList(), source ?? Source.Code);

    /// <summary>
    /// The document of an ordinary .NET value: null, a bool, a number, a string, an enum (in kebab case), a dictionary with string keys, a sequence,
    /// a <see cref="JsonElement"/>, a document (returned as it is).
    /// </summary>
    /// <exception cref="ArgumentException">A value of another type.</exception>
    public static Document From(object? value, Source? source = null) =>
        value switch
        {
            null => Null(source),
            Document document => document,
            bool flag => Of(flag, source),
            string text => Of(text, source),
            sbyte or byte or short or ushort or int or uint or long => Of(Convert.ToInt64(value, CultureInfo.InvariantCulture), source),
            ulong large when large <= long.MaxValue => Of((long)large, source),
            // A float32 means its shortest decimal, 0.1f is 0.1: a user wrote that, not the nearest float64 of the nearest float32.
            float number => Of(double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), source),
            double number => Of(number, source),
            Enum name => Of(Kebab.Case(name.ToString()), source),
            JsonElement json => FromJson(json, source),
            IEnumerable<KeyValuePair<string, Document>> map => OfMap(map, source),
            IEnumerable<KeyValuePair<string, object?>> map => OfMap(
                map.Select(pair => new Entry(pair.Key, source ?? Source.Code, From(pair.Value, source))),
                source
            ),
            IDictionary map => OfMap(
                Pairs(map).Select(pair => new Entry(pair.Key, source ?? Source.Code, From(pair.Value, source))),
                source
            ),
            IEnumerable list => OfList(list.Cast<object?>().Select(item => From(item, source)), source),
            _ => throw new ArgumentException(
                $"A {value.GetType()} has no place in a document; it holds null, bools, numbers, texts, lists and maps.",
                nameof(value)
            ),
        };

    static IEnumerable<(string Key, object? Value)> Pairs(IDictionary map)
    {
        foreach (DictionaryEntry pair in map)
            yield return ((string)pair.Key, pair.Value);
    }

    static Document FromJson(JsonElement json, Source? source) =>
        json.ValueKind switch
        {
            JsonValueKind.Object => OfMap(
                json.EnumerateObject().Select(p => new Entry(p.Name, source ?? Source.Code, FromJson(p.Value, source))),
                source
            ),
            JsonValueKind.Array => OfList(json.EnumerateArray().Select(item => FromJson(item, source)), source),
            JsonValueKind.String => Of(json.GetString()!, source),
            JsonValueKind.Number => json.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') < 0 && json.TryGetInt64(out var whole)
                ? Of(whole, source)
                : Of(json.GetDouble(), source),
            JsonValueKind.True => Of(true, source),
            JsonValueKind.False => Of(false, source),
            _ => Null(source),
        };

    // ── read from YAML ────────────────────────────────────────────────────────────────────────

    /// <summary>The one document of a YAML file; a file without any is an empty map.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shownAs">The path that errors name, when it is not <paramref name="path"/>.</param>
    /// <exception cref="ConfigException">The file is missing, or is not YAML that this project accepts.</exception>
    public static Document Read(string path, string? shownAs = null) => Yaml.Read(path, shownAs ?? path);

    /// <summary>The one document of a YAML text; a text without any is an empty map.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="file">The file that errors name.</param>
    /// <exception cref="ConfigException">The text is not YAML that this project accepts.</exception>
    public static Document Parse(string text, string file) => Yaml.Parse(text, file);

    /// <summary>An unquoted scalar as YAML would read it: <c>1e-3</c> is a float, <c>on</c> a text.</summary>
    /// <exception cref="ConfigException">A number that 64 bits cannot hold.</exception>
    public static Document Plain(string text, Source source)
    {
        try
        {
            return From(Scalars.Resolve(text), source);
        }
        catch (OverflowException error)
        {
            throw new ConfigException(source, "", error.Message);
        }
    }

    // ── looked at by path ─────────────────────────────────────────────────────────────────────

    /// <summary>The node at a path, or null when there is none.</summary>
    public Document? Find(string path)
    {
        var node = this;
        foreach (var key in Segments(path))
            if (node.Child(key) is { } child)
                node = child;
            else
                return null;
        return node;
    }

    /// <summary>The node at a path.</summary>
    /// <exception cref="ConfigException">There is none; the sentence names the keys that are there.</exception>
    public Document Get(string path)
    {
        var node = this;
        var walked = "";
        foreach (var key in Segments(path))
        {
            node = node.Child(key) ?? throw node.Lacks(walked, key);
            walked = Join(walked, key);
        }
        return node;
    }

    /// <exception cref="ConfigException">It is missing or not a text.</exception>
    public string Text(string path) => Get(path) is { Value: string value } ? value : throw Get(path).IsNot(path, "a text");

    /// <exception cref="ConfigException">It is missing or neither true nor false.</exception>
    public bool Bool(string path) => Get(path) is { Value: bool value } ? value : throw Get(path).IsNot(path, "true or false");

    /// <summary>A whole number; a float that is exactly one (<c>1e4</c>) counts.</summary>
    /// <exception cref="ConfigException">It is missing or not a whole number.</exception>
    public long Integer(string path) => Get(path).AsInteger() ?? throw Get(path).IsNot(path, "a whole number");

    /// <exception cref="ConfigException">It is missing or not a number.</exception>
    public double Float(string path) => Get(path).AsFloat() ?? throw Get(path).IsNot(path, "a number");

    /// <exception cref="ConfigException">It is missing or not a list.</exception>
    public IReadOnlyList<Document> List(string path) =>
        Get(path) is { IsList: true } list ? list.Items : throw Get(path).IsNot(path, "a list");

    /// <exception cref="ConfigException">It is missing or not a mapping.</exception>
    public IReadOnlyList<Entry> Map(string path) =>
        Get(path) is { IsMap: true } map ? map.Entries : throw Get(path).IsNot(path, "a mapping");

    /// <summary>The whole number that this node is, or null; a float that is exactly one counts.</summary>
    public long? AsInteger() =>
        scalar switch
        {
            long value => value,
            double value when Math.Abs(value) < 1L << 53 && Math.Floor(value) == value => (long)value,
            _ => null,
        };

    /// <summary>The number that this node is, or null; a whole one counts when a float64 holds it exactly.</summary>
    public double? AsFloat() =>
        scalar switch
        {
            double value => value,
            long value when (decimal)(double)value == value => value,
            _ => null,
        };

    /// <summary>The error that this node, at <paramref name="path"/>, should have been something else: <c>low is a number; "x" is not one.</c></summary>
    /// <param name="path">The node's path, for the sentence.</param>
    /// <param name="wanted">With its article: <c>a number</c>, <c>true or false</c>.</param>
    public ConfigException IsNot(string path, string wanted)
    {
        var name = path == "" ? "this" : ConfigException.LastKey(path);
        var hint = (wanted, scalar) switch
        {
            ("true or false", string word) when word.ToLowerInvariant() is "yes" or "on" or "y" or "true" => " (write true)",
            ("true or false", string word) when word.ToLowerInvariant() is "no" or "off" or "n" or "false" => " (write false)",
            ("a text", not null) => $" (in quotes it would be: \"{this}\")",
            _ => "",
        };
        return new(Source, path, $"{name} is {wanted}; {Quoted()} is {(wanted.StartsWith("a ") ? "not one" : "neither")}{hint}.");
    }

    // A text is shown in quotes, as it would have to be written; long trees are cut.
    string Quoted()
    {
        var shown = scalar is string text ? $"\"{text}\"" : ToString();
        return shown.Length > 60 ? shown[..57] + "…" : shown;
    }

    /// <summary>Every scalar, list and empty map, with its path, in the order in which they were written.</summary>
    public IEnumerable<(string Path, Document Value)> Leaves() => Leaves("");

    IEnumerable<(string Path, Document Value)> Leaves(string path) =>
        IsMap && entries.Count > 0 ? entries.SelectMany(entry => entry.Value.Leaves(Join(path, entry.Key))) : [(path, this)];

    /// <summary>Two parts of a path joined by a dot, either of which may be empty.</summary>
    public static string Join(string path, string key) =>
        path == "" ? key
        : key == "" ? path
        : $"{path}.{key}";

    static string[] Segments(string path) => path == "" ? [] : path.Split('.');

    Document? Child(string key) =>
        IsMap ? (places.TryGetValue(key, out var place) ? entries[place].Value : null)
        : IsList && int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < items.Count ? items[index]
        : null;

    ConfigException Lacks(string path, string key)
    {
        var whole = Join(path, key);
        var here = path == "" ? "the document" : path;
        if (IsList)
            return new(
                Source,
                whole,
                $"{here} is a list of {items.Count.ToString(CultureInfo.InvariantCulture)}; it has no element {key}."
            );
        if (!IsMap)
            return new(Source, whole, $"{here} is {Quoted()}, not a mapping; it has no {key}.");
        var keys = entries.Select(entry => entry.Key).ToList();
        return new(
            Source,
            whole,
            $"{here} has no {key}; it has {(keys.Count == 0 ? "nothing" : string.Join(", ", keys))}{Spelling.DidYouMean(key, keys)}."
        );
    }

    // ── edited ────────────────────────────────────────────────────────────────────────────────

    /// <summary>The tree with the node at a path set; maps on the way are made where nothing or null stands.</summary>
    /// <exception cref="ConfigException">A scalar stands in the way, or a list has no such element.</exception>
    public Document With(string path, Document value) => With(Segments(path), "", value);

    Document With(ReadOnlySpan<string> segments, string walked, Document value)
    {
        if (segments.IsEmpty)
            return value;
        var key = segments[0];
        if (IsList)
        {
            if (Child(key) is not { } element)
                throw new ConfigException(value.Source, Join(walked, key), Lacks(walked, key).Says);
            var changed = items.ToList();
            changed[int.Parse(key, CultureInfo.InvariantCulture)] = element.With(segments[1..], Join(walked, key), value);
            return new(changed, Source);
        }
        if (!IsMap && !IsNull)
            throw new ConfigException(
                value.Source,
                Join(walked, key),
                $"{(walked == "" ? "the document" : walked)} is {Quoted()}, not a mapping; {key} cannot be set in it."
            );
        var below = (Child(key) ?? new Document(DocumentKind.Null, null, value.Source)).With(segments[1..], Join(walked, key), value);
        var kept = entries.ToList();
        if (places.TryGetValue(key, out var place))
            kept[place] = kept[place] with { Value = below };
        else
            kept.Add(new(key, value.Source, below));
        return new(kept, IsNull ? value.Source : Source);
    }

    /// <summary>The tree without the node at a path.</summary>
    /// <exception cref="ConfigException">There is none.</exception>
    public Document Without(string path)
    {
        if (path == "")
            throw new ConfigException(Source, "", "the whole document cannot be deleted; name the key to delete.");
        var cut = path.LastIndexOf('.');
        var (above, key) = cut < 0 ? ("", path) : (path[..cut], path[(cut + 1)..]);
        var parent = Get(above);
        var child = parent.Child(key) ?? throw parent.Lacks(above, key);
        Document changed = parent.IsList
            ? new(parent.items.Where(item => !ReferenceEquals(item, child)).ToList(), parent.Source)
            : new(parent.entries.Where(entry => entry.Key != key).ToList(), parent.Source);
        return With(above, changed);
    }

    /// <summary>The same values, all said to be written elsewhere.</summary>
    public Document From(Source source) =>
        Kind switch
        {
            DocumentKind.List => new(items.Select(item => item.From(source)).ToList(), source),
            DocumentKind.Map => new(entries.Select(entry => new Entry(entry.Key, source, entry.Value.From(source))).ToList(), source),
            _ => new(Kind, scalar, source),
        };

    // ── compared and written ──────────────────────────────────────────────────────────────────

    /// <summary>Equal in value: keys in any order, 1 ≠ 1.0, NaN = NaN, 0.0 = −0.0.</summary>
    public bool Equals(Document? other) =>
        other is not null
        && Kind == other.Kind
        && Kind switch
        {
            DocumentKind.List => items.SequenceEqual(other.items),
            DocumentKind.Map => entries.Count == other.entries.Count && entries.All(entry => entry.Value.Equals(other.Child(entry.Key))),
            DocumentKind.Float => ((double)scalar! == 0 && (double)other.scalar! == 0) || ((double)scalar!).Equals((double)other.scalar!),
            _ => Equals(scalar, other.scalar),
        };

    public override bool Equals(object? other) => Equals(other as Document);

    public override int GetHashCode() =>
        Kind switch
        {
            DocumentKind.List => items.Aggregate(items.Count, (hash, item) => HashCode.Combine(hash, item)),
            // Keys in any order are the same map, so the sum and not the sequence.
            DocumentKind.Map => entries.Sum(entry => HashCode.Combine(entry.Key, entry.Value) % 65_536),
            DocumentKind.Float => HashCode.Combine((double)scalar! + 0.0),
            _ => HashCode.Combine(Kind, scalar),
        };

    public static bool operator ==(Document? left, Document? right) => left is null ? right is null : left.Equals(right);

    public static bool operator !=(Document? left, Document? right) => !(left == right);

    /// <summary>The document as YAML in block style, ending in a line break; reading it gives an equal document.</summary>
    public string ToYaml() => YamlText.Block(this);

    /// <summary>The document as YAML on one line: <c>{kind: level-mlp, width: 128}</c>.</summary>
    public override string ToString() => YamlText.Flow(this);
}
