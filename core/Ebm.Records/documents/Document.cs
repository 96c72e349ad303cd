namespace Ebm.Records;

/// <summary>The type of a node of a <see cref="Document"/>.</summary>
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

/// <summary>One entry of a map: its key, where the key was written, and its value.</summary>
public readonly record struct Entry(string Key, Source KeySource, Document Value);

/// <summary>
/// A configuration as a tree of typed values, each with the place where it was written. Immutable: every edit returns a new tree. Whole numbers are
/// <see cref="long"/> and other numbers <see cref="double"/>; 1 and 1.0 are different values. Two documents are equal if their values are; the
/// order of keys and the places do not matter.
/// A path is a sequence of keys joined by dots (<c>method.noise.low</c>); a number is an index into a list (<c>measure.list.0</c>); the empty path
/// is the document itself.
/// </summary>
public sealed partial class Document : IEquatable<Document>
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
                    $"this key occurs twice, first at {entries[places[entries[i].Key]].KeySource}; delete one of them."
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

    /// <summary>A map's keys and values in the order in which they were written; empty for other kinds.</summary>
    public IReadOnlyList<Entry> Entries => entries;

    /// <summary>A list's elements; empty for other kinds.</summary>
    public IReadOnlyList<Document> Items => items;

    // ── read from YAML ────────────────────────────────────────────────────────────────────────

    /// <summary>The document of a YAML file; an empty file gives an empty map.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shownAs">The path shown in errors, if it is not <paramref name="path"/>.</param>
    /// <exception cref="ConfigException">The file is missing, or is not YAML that this project accepts.</exception>
    public static Document Read(string path, string? shownAs = null) => Yaml.Read(path, shownAs ?? path);

    /// <summary>The document of a YAML text; an empty text gives an empty map.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="file">The file name shown in errors.</param>
    /// <exception cref="ConfigException">The text is not YAML that this project accepts.</exception>
    public static Document Parse(string text, string file) => Yaml.Parse(text, file);

    /// <summary>An unquoted scalar, typed as in YAML: <c>1e-3</c> is a float, <c>on</c> a text.</summary>
    /// <exception cref="ConfigException">A number that does not fit in 64 bits.</exception>
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
            // A sum, because the order of keys does not matter.
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
