using System.Collections;
using System.Globalization;
using System.Reflection;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>Reads a document as the record that it describes. Errors name the place where the value was written.</summary>
sealed class CatalogReading(Catalog catalog)
{
    /// <summary>The value, of a setting's type.</summary>
    internal object? Value(Type type, bool mayBeNull, Document written, string path)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return written.IsNull ? null : Value(inner, false, written, path);
        if (written.IsNull && mayBeNull)
            return null;
        if (type == typeof(bool))
            return written.Value is bool flag ? flag : throw written.IsNot(path, "true or false");
        if (type == typeof(string))
            return written.Value is string text ? text : throw written.IsNot(path, "a text");
        if (type == typeof(double))
            return written.AsFloat() ?? throw written.IsNot(path, "a number");
        if (type == typeof(long) || type == typeof(int) || type == typeof(ulong))
            return Whole(type, written, path);
        if (type.IsEnum)
            return Choice(type, written, path);
        if (MapOf(type) is { } valueType)
            return Map(valueType, written, path);
        if (ListOf(type) is { } itemType)
            return List(itemType, written, path);
        return path == "" || !written.IsMap ? Record(type, written, path) : catalog.Once(written, type, () => Record(type, written, path));
    }

    static object Whole(Type type, Document written, string path)
    {
        var value = written.AsInteger() ?? throw written.IsNot(path, "a whole number");
        try
        {
            return Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
        }
        catch (OverflowException)
        {
            var (low, high) = type == typeof(int) ? (int.MinValue, int.MaxValue) : (0L, long.MaxValue);
            throw new ConfigException(written.Source, path, $"{Name(path)} must be between {low} and {high}; {value} is not.");
        }
    }

    static object Choice(Type type, Document written, string path)
    {
        var choices = Choices(type);
        if (written.Value is not string text)
            throw written.IsNot(path, $"a choice of {Either(choices)}");
        return choices.FirstOrDefault(choice => choice.Words.Contains(text)) is { Value: { } value }
            ? value
            : throw new ConfigException(
                written.Source,
                path,
                $"{Name(path)} is {Either(choices)}; \"{text}\" is not known{Spelling.DidYouMean(text, [.. choices.SelectMany(choice => choice.Words)])}."
            );
    }

    static IReadOnlyList<(object Value, string[] Words)> Choices(Type type) =>
        [
            .. Enum.GetNames(type)
                .Select(name =>
                    (
                        Enum.Parse(type, name),
                        type.GetField(name)!.GetCustomAttribute<AlsoWrittenAttribute>() is { Word: var word }
                            ? new[] { Kebab.Case(name), word }
                            : [Kebab.Case(name)]
                    )
                ),
        ];

    static string Either(IEnumerable<(object, string[] Words)> choices) =>
        Spelling.Either([.. choices.Select(choice => choice.Words is [var word, var second] ? $"{word} ({second})" : choice.Words[0])]);

    /// <summary>The words of an enum as messages show them: <c>float32 (fp32) or bfloat16 (bf16)</c>.</summary>
    internal static string Either(Type choice) => Either(Choices(choice));

    /// <summary>The type of a dictionary's values, or null.</summary>
    internal static Type? MapOf(Type type) =>
        type.IsGenericType
        && (type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>) || type.GetGenericTypeDefinition() == typeof(IDictionary<,>))
        && type.GetGenericArguments()[0] == typeof(string)
            ? type.GetGenericArguments()[1]
            : null;

    /// <summary>The type of a list's elements, or null.</summary>
    internal static Type? ListOf(Type type) =>
        type.IsArray ? type.GetElementType()
        : type.IsGenericType
        && (type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) || type.GetGenericTypeDefinition() == typeof(IEnumerable<>))
            ? type.GetGenericArguments()[0]
        : null;

    object Map(Type valueType, Document written, string path)
    {
        if (!written.IsMap)
            throw written.IsNot(path, "a mapping");
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), valueType))!;
        foreach (var entry in written.Entries)
            map.Add(entry.Key, Value(valueType, false, entry.Value, Document.Join(path, entry.Key)));
        return map;
    }

    object List(Type itemType, Document written, string path)
    {
        if (!written.IsList)
            throw written.IsNot(path, "a list");
        var list = Array.CreateInstance(itemType, written.Items.Count);
        for (var i = 0; i < written.Items.Count; i++)
            list.SetValue(Value(itemType, false, written.Items[i], Document.Join(path, i.ToString(CultureInfo.InvariantCulture))), i);
        return list;
    }

    object Record(Type type, Document written, string path)
    {
        var isRole = type.IsInterface || type.IsAbstract;
        if (isRole && !catalog.Kinds(type).Any())
            throw new InvalidOperationException(
                $"{(path == "" ? "the config" : path)} needs a {type}, but no assembly here has a record with [Kind] for it."
            );
        if (!written.IsMap)
            throw NotAMapping(type, isRole, written, path);
        var record = isRole ? KindOf(type, written, path) : type;
        var named = isRole || written.Find("kind") is { Kind: DocumentKind.Text } && Catalog.KindOf(record) is not null;
        if (!isRole && named && written.Text("kind") != Catalog.KindOf(record))
            throw new ConfigException(
                written.Get("kind").Source,
                Document.Join(path, "kind"),
                $"\"{written.Text("kind")}\" is not allowed here; only {Catalog.KindOf(record)} is."
            );
        return Construct(record, named, written, path);
    }

    ConfigException NotAMapping(Type type, bool isRole, Document written, string path)
    {
        if (!isRole)
            return written.IsNot(path, "a mapping");
        var kinds = catalog.Kinds(type);
        var example =
            written.Value is string text && (kinds.Contains(text) ? text : Spelling.Nearest(text, kinds)) is { } meant ? meant : kinds[0];
        return new(
            written.Source,
            path,
            $"{Name(path)} is a mapping with its kind; write {{ kind: {example} }}{(kinds.Count > 1 ? $" (known are {string.Join(", ", kinds)})" : "")}."
        );
    }

    Type KindOf(Type role, Document written, string path)
    {
        var below = Document.Join(path, "kind");
        var kinds = catalog.Kinds(role);
        if (written.Find("kind") is not { } kind)
            throw new ConfigException(written.Source, below, $"the kind is missing; known are {string.Join(", ", kinds)}.");
        if (kind.Value is not string name)
            throw kind.IsNot(below, "a text");
        return catalog.Find(role, name)
            ?? throw new ConfigException(
                kind.Source,
                below,
                $"\"{name}\" is not known here; known are {string.Join(", ", kinds)}{Spelling.DidYouMean(name, kinds)}."
            );
    }

    object Construct(Type record, bool named, Document written, string path)
    {
        var shape = CatalogShape.Of(record);
        var owner = shape.Kind ?? (path == "" ? "the config" : Name(path));
        foreach (var entry in written.Entries)
            if (!shape.Keys.Contains(entry.Key) && !(named && entry.Key == "kind"))
                throw new ConfigException(
                    entry.KeySource,
                    Document.Join(path, entry.Key),
                    $"{owner} has no such setting; it has {Shown(shape.Keys)}{Spelling.DidYouMean(entry.Key, shape.Keys)}."
                );
        var values = shape
            .Settings.Select(setting =>
                written.Find(setting.Key) is { } node ? Value(setting.Type, setting.MayBeNull, node, Document.Join(path, setting.Key))
                : setting.HasDefault ? setting.Default
                : throw new ConfigException(
                    written.Source,
                    Document.Join(path, setting.Key),
                    $"{owner} needs {setting.Key}, {CatalogDocs.Wanted(setting.Type, catalog)}."
                )
            )
            .ToArray();
        try
        {
            return shape.Constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, values, CultureInfo.InvariantCulture);
        }
        catch (SettingException error)
        {
            // The record names its parameter; a condition on two parameters may name another key.
            var key = Kebab.Case(error.Setting);
            var known = shape.Keys.Contains(key);
            throw new ConfigException(
                (known ? written.Find(key)?.Source : null) ?? written.Source,
                known ? Document.Join(path, key) : path,
                $"{key} {error.Says.TrimEnd('.')}.",
                error
            );
        }
    }

    static string Shown(IReadOnlyList<string> keys) =>
        keys.Count == 0 ? "none"
        : keys.Count <= 24 ? string.Join(", ", keys)
        : string.Join(", ", keys.Take(24)) + ", …";

    static string Name(string path) => path == "" ? "this" : ConfigException.LastKey(path);
}
