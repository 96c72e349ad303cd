using System.Globalization;

namespace Ebm.Records;

/// <summary>Access to a document by path, and edited copies of it.</summary>
public sealed partial class Document
{
    /// <summary>The node at a path, or null if it does not exist.</summary>
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
    /// <exception cref="ConfigException">It does not exist; the message names the existing keys.</exception>
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

    /// <exception cref="ConfigException">It is missing or not true or false.</exception>
    public bool Bool(string path) => Get(path) is { Value: bool value } ? value : throw Get(path).IsNot(path, "true or false");

    /// <summary>A whole number; a float with a whole value (<c>1e4</c>) is allowed.</summary>
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

    /// <summary>This node as a whole number, or null; a float with a whole value is allowed.</summary>
    public long? AsInteger() =>
        scalar switch
        {
            long value => value,
            double value when Math.Abs(value) < 1L << 53 && Math.Floor(value) == value => (long)value,
            _ => null,
        };

    /// <summary>This node as a number, or null; a whole number is allowed if a float64 represents it exactly.</summary>
    public double? AsFloat() =>
        scalar switch
        {
            double value => value,
            long value when (decimal)(double)value == value => value,
            _ => null,
        };

    /// <summary>The error for a node of the wrong type at <paramref name="path"/>: <c>low is a number; "x" is not one.</c></summary>
    /// <param name="path">The node's path, for the message.</param>
    /// <param name="wanted">The wanted type with its article: <c>a number</c>, <c>true or false</c>.</param>
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

    // Shows a text in quotes, as it must be written, and shortens long trees.
    string Quoted()
    {
        var shown = scalar is string text ? $"\"{Secrets.Standard.Masked(Variables.Hidden(text))}\"" : ToString();
        return shown.Length > 60 ? shown[..57] + "…" : shown;
    }

    /// <summary>Every scalar, list and empty map, with its path, in the order in which they were written.</summary>
    public IEnumerable<(string Path, Document Value)> Leaves() => Leaves("");

    IEnumerable<(string Path, Document Value)> Leaves(string path) =>
        IsMap && entries.Count > 0 ? entries.SelectMany(entry => entry.Value.Leaves(Join(path, entry.Key))) : [(path, this)];

    /// <summary>Joins two parts of a path by a dot; either may be empty.</summary>
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

    /// <summary>The tree with the node at a path set; missing or null maps on the way are created.</summary>
    /// <exception cref="ConfigException">A node on the way is a scalar, or a list has no such element.</exception>
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
    /// <exception cref="ConfigException">It does not exist.</exception>
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

    /// <summary>The same values with another source.</summary>
    public Document From(Source source) =>
        Kind switch
        {
            DocumentKind.List => new(items.Select(item => item.From(source)).ToList(), source),
            DocumentKind.Map => new(entries.Select(entry => new Entry(entry.Key, source, entry.Value.From(source))).ToList(), source),
            _ => new(Kind, scalar, source),
        };
}
