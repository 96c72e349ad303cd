using System.Collections;
using System.Runtime.CompilerServices;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The documents of one record.</summary>
/// <param name="Whole">Every setting.</param>
/// <param name="Identity">The settings that decide the result.</param>
/// <param name="Training">Those of them that decide the training.</param>
readonly record struct Written(Document Whole, Document Identity, Document Training);

/// <summary>
/// Converts a record back to a document with every setting. It writes the values of the record, not those passed to it: defaults by which the
/// record replaces null are included, and a whole number written for a float becomes a float.
/// </summary>
static class CatalogWriting
{
    /// <summary>A record's documents.</summary>
    /// <param name="value">The record.</param>
    /// <param name="written">The user's document: its settings keep their source; null without one.</param>
    internal static Written Of(object? value, Document? written, Source? otherwise = null)
    {
        var source = written?.Source ?? otherwise ?? Source.Code;
        return value switch
        {
            null or bool or string or double or long or int or ulong or Enum => Same(Document.From(value, source)),
            _ when MapType(value.GetType()) is { } map => Map(Pairs(value, map), written, source),
            IEnumerable list => List(list.Cast<object?>(), written, source),
            _ when written is null => Record(value, written, source),
            _ => Once(value, written, source),
        };
    }

    // Documents cached by Catalog.Once are written once.
    static readonly ConditionalWeakTable<Document, Tuple<object, Written>> Known = [];

    static Written Once(object record, Document written, Source source)
    {
        if (Known.TryGetValue(written, out var known) && ReferenceEquals(known.Item1, record))
            return known.Item2;
        var made = Record(record, written, source);
        Known.AddOrUpdate(written, new(record, made));
        return made;
    }

    static Written Same(Document document) => new(document, document, document);

    static Type? MapType(Type type) => type.GetInterfaces().FirstOrDefault(i => CatalogReading.MapOf(i) is not null);

    static IEnumerable<(string, object?)> Pairs(object map, Type type) =>
        ((IEnumerable<string>)type.GetProperty("Keys")!.GetValue(map)!).Select(key =>
            (key, type.GetProperty("Item")!.GetValue(map, [key]))
        );

    static Written Map(IEnumerable<(string Key, object? Value)> pairs, Document? written, Source source)
    {
        var below = pairs
            .Select(pair =>
                (pair.Key, Source: KeySource(written, pair.Key) ?? source, Below: Of(pair.Value, written?.Find(pair.Key), source))
            )
            .ToList();
        Document Made(Func<Written, Document> part) =>
            Document.OfMap(below.Select(entry => new Entry(entry.Key, entry.Source, part(entry.Below))), source);
        return new(Made(part => part.Whole), Made(part => part.Identity), Made(part => part.Training));
    }

    static Written List(IEnumerable<object?> items, Document? written, Source source)
    {
        var below = items
            .Select((item, i) => Of(item, written is { IsList: true } && i < written.Items.Count ? written.Items[i] : null, source))
            .ToList();
        Document Made(Func<Written, Document> part) => Document.OfList(below.Select(part), source);
        return new(Made(item => item.Whole), Made(item => item.Identity), Made(item => item.Training));
    }

    static Written Record(object record, Document? written, Source source)
    {
        var shape = CatalogShape.Of(record.GetType());
        var defaults = Source.Of(shape.Kind is null ? "default" : $"default of {shape.Kind}");
        List<Entry> whole = [],
            identity = [],
            training = [];
        if (shape.Kind is not null)
        {
            whole.Add(new("kind", KeySource(written, "kind") ?? source, Document.Of(shape.Kind, written?.Find("kind")?.Source ?? source)));
            identity.Add(whole[0]);
            training.Add(whole[0]);
        }
        foreach (var setting in shape.Settings)
        {
            var (node, part, trained) = Of(setting.Of(record), written?.Find(setting.Key), defaults);
            var keySource = KeySource(written, setting.Key) ?? defaults;
            whole.Add(new(setting.Key, keySource, node));
            var asBefore = setting.Old is { } old && part.Equals(Of(old.Value, null).Identity);
            if (!setting.Decides || asBefore)
                continue;
            identity.Add(new(setting.Key, keySource, part));
            if (setting.Trains)
                training.Add(new(setting.Key, keySource, trained));
        }
        return new(Document.OfMap(whole, source), Document.OfMap(identity, source), Document.OfMap(training, source));
    }

    // Searches by key, not by path, because keys may contain dots.
    static Source? KeySource(Document? written, string key) =>
        written is { IsMap: true } && written.Entries.FirstOrDefault(entry => entry.Key == key) is { Key: not null } entry
            ? entry.KeySource
            : null;
}
