using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>Documents made from program values.</summary>
public sealed partial class Document
{
    /// <summary>A map without keys, from a program.</summary>
    public static Document Empty { get; } = new(new List<Entry>(), Source.Code);

    public static Document Null(Source? source = null) => new(DocumentKind.Null, null, source ?? Source.Code);

    public static Document Of(bool value, Source? source = null) => new(DocumentKind.Bool, value, source ?? Source.Code);

    public static Document Of(long value, Source? source = null) => new(DocumentKind.Integer, value, source ?? Source.Code);

    public static Document Of(double value, Source? source = null) => new(DocumentKind.Float, value, source ?? Source.Code);

    public static Document Of(string value, Source? source = null) => new(DocumentKind.Text, value, source ?? Source.Code);

    public static Document OfList(IEnumerable<Document> items, Source? source = null) => new(items.ToList(), source ?? Source.Code);

    /// <exception cref="ConfigException">A key occurs twice.</exception>
    public static Document OfMap(IEnumerable<Entry> entries, Source? source = null) => new(entries.ToList(), source ?? Source.Code);

    /// <exception cref="ConfigException">A key occurs twice.</exception>
    public static Document OfMap(IEnumerable<KeyValuePair<string, Document>> entries, Source? source = null) =>
        new(entries.Select(pair => new Entry(pair.Key, pair.Value.Source, pair.Value)).ToList(), source ?? Source.Code);

    /// <summary>
    /// The document of a .NET value: null, a bool, a number, a string, an enum (in kebab case), a dictionary with string keys, a sequence, a <see
    /// cref="JsonElement"/>, or a document (returned unchanged).
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
            // A float32 stands for its shortest decimal: 0.1f is 0.1, as the user wrote, not the float64 nearest to that float32.
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
                $"A document cannot contain a {value.GetType()}, only null, bools, numbers, texts, lists and maps.",
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
}
