using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The output of <c>list</c> for one kind.</summary>
/// <param name="Kind">Its name; empty for a record without a kind.</param>
/// <param name="Doc">The summary of its doc comment; empty without one.</param>
/// <param name="Settings">Its settings, in the order of the record.</param>
/// <param name="Quantities">The quantities of a metric; empty for other roles.</param>
public sealed record KindDoc(string Kind, string Doc, IReadOnlyList<SettingDoc> Settings, IReadOnlyList<Quantity> Quantities);

/// <summary>The output of <c>list</c> for one setting.</summary>
/// <param name="Key">In kebab case.</param>
/// <param name="Wants">The allowed values: <c>a number</c>, <c>data, persistent, hybrid or noise</c>.</param>
/// <param name="Default">The default as YAML; null if the setting is required.</param>
/// <param name="Doc">Its doc comment; empty without one.</param>
public sealed record SettingDoc(string Key, string Wants, string? Default, string Doc);

/// <summary>The doc comments of records, from the XML file that the compiler writes beside their assembly.</summary>
static partial class CatalogDocs
{
    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Files = new();

    internal static KindDoc Of(Type record, Catalog catalog)
    {
        var member = Member(record, $"T:{NameOf(record)}");
        return new(
            Catalog.KindOf(record) ?? "",
            Text(member?.Element("summary")),
            [.. CatalogShape.Of(record).Settings.Select(setting => Of(record, setting, member, catalog))],
            Quantity.DeclaredBy(record)
        );
    }

    // The doc of the setting, else that of its property, else that of its type.
    static SettingDoc Of(Type record, Setting setting, XElement? member, Catalog catalog)
    {
        var type = Nullable.GetUnderlyingType(setting.Type) ?? setting.Type;
        string[] words =
        [
            Text(member?.Elements("param").FirstOrDefault(param => param.Attribute("name")?.Value == setting.Parameter.Name)),
            Text(Member(record, $"P:{NameOf(record)}.{setting.Property?.Name}")?.Element("summary")),
            type.Namespace?.StartsWith("System", StringComparison.Ordinal) == true || type.IsGenericType
                ? ""
                : Text(Member(type, $"T:{NameOf(type)}")?.Element("summary")),
        ];
        return new(
            setting.Key,
            Wanted(setting.Type, catalog) + (setting.MayBeNull && (type.IsValueType || type == typeof(string)) ? ", or null" : ""),
            setting.HasDefault ? CatalogWriting.Of(setting.Default, null).Whole.ToString() : null,
            words.FirstOrDefault(text => text != "") ?? ""
        );
    }

    /// <summary>The allowed values of a type: <c>a number</c>, <c>a list of texts</c>, <c>a mapping with a kind of a, b or c</c>.</summary>
    internal static string Wanted(Type type, Catalog catalog)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "a text"
            : type == typeof(double) ? "a number"
            : type == typeof(long) || type == typeof(int) || type == typeof(ulong) ? "a whole number"
            : type.IsEnum ? CatalogReading.Either(type)
            : CatalogReading.MapOf(type) is { } value ? $"a mapping from names; each is {Wanted(value, catalog)}"
            : CatalogReading.ListOf(type) is { } item ? $"a list; each is {Wanted(item, catalog)}"
            : type.IsInterface || type.IsAbstract ? $"a mapping whose kind is {Spelling.Either(catalog.Kinds(type))}"
            : $"a mapping of {string.Join(", ", CatalogShape.Of(type).Keys)}";
    }

    static XElement? Member(Type record, string name) => Files.GetOrAdd(record.Assembly, Load).GetValueOrDefault(name);

    static string NameOf(Type type) => type.FullName!.Replace('+', '.');

    // An additional assembly may have no XML file; then its kinds have no docs.
    static IReadOnlyDictionary<string, XElement> Load(Assembly assembly)
    {
        var path = Path.ChangeExtension(assembly.Location, ".xml");
        return File.Exists(path)
            ? XDocument
                .Load(path)
                .Descendants("member")
                .Where(m => m.Attribute("name") is not null)
                .GroupBy(m => m.Attribute("name")!.Value)
                .ToDictionary(m => m.Key, m => m.First())
            : new Dictionary<string, XElement>();
    }

    // <see cref="T:A.B.C"/> becomes C, <paramref name="x"/> becomes x, and lines are joined.
    static string Text(XElement? element) => Words(element).Trim();

    static string Words(XNode? node) =>
        node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" or "seealso" } see => (see.Attribute("cref") ?? see.Attribute("langword"))
                ?.Value.Split('(')[0]
                .Split('.', ':')[^1]
                ?? see.Value,
            XElement { Name.LocalName: "paramref" } name => Kebab.Case(name.Attribute("name")!.Value),
            XElement element => Blanks().Replace(string.Concat(element.Nodes().Select(Words)), " "),
            _ => "",
        };
}
