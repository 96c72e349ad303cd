using System.Reflection;
using System.Runtime.CompilerServices;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The kinds that configs can name. Reflection finds every record with a <see cref="KindAttribute"/> in the project's assemblies and in those of
/// <c>--with my.dll</c>. A record's role is the interface that a setting requires. Settings are the record's constructor parameters in kebab case,
/// and their defaults are the parameters' defaults, or the values by which the record replaces null.
/// </summary>
public sealed class Catalog
{
    readonly IReadOnlyList<(string Name, Type Record)> kinds;

    // The runs of a sweep share most of their documents, so the record of each is cached.
    readonly ConditionalWeakTable<Document, Dictionary<Type, object>> read = [];

    Catalog(IEnumerable<Assembly> assemblies)
    {
        kinds = assemblies
            .Distinct()
            .SelectMany(TypesOf)
            .Where(type => !type.IsAbstract)
            .Select(type => (Name: type.GetCustomAttribute<KindAttribute>()?.Name, Record: type))
            .Where(kind => kind.Name is not null)
            .Select(kind => (kind.Name!, kind.Record))
            .OrderBy(kind => kind.Item1, StringComparer.Ordinal)
            .ThenBy(kind => kind.Record.FullName, StringComparer.Ordinal)
            .ToList();
        foreach (var same in kinds.GroupBy(kind => kind.Name))
            RefuseTwins([.. same.Select(kind => kind.Record)], same.Key);
    }

    /// <summary>The catalog of the project's own assemblies, which are beside this one, and of additional ones.</summary>
    /// <param name="with">Paths of additional assemblies, from <c>--with</c>.</param>
    /// <exception cref="ConfigException">A file is missing, is not an assembly or contains no kind; or two records of one role have the same
    /// kind.</exception>
    public static Catalog Load(params IEnumerable<string> with) => new(Own().Concat(with.Select(Other)));

    /// <summary>The catalog of exactly these assemblies.</summary>
    public static Catalog Of(params IEnumerable<Assembly> assemblies) => new(assemblies);

    // ── what there is ─────────────────────────────────────────────────────────────────────────

    /// <summary>The kinds of a role, in ordinal order.</summary>
    /// <param name="role">An interface such as <c>ISpec&lt;Method&gt;</c>, or a record type.</param>
    public IReadOnlyList<string> Kinds(Type role) => [.. Of(role).Select(kind => kind.Name)];

    /// <summary>The record of a kind, or null if the role has no such kind.</summary>
    public Type? Find(Type role, string kind) => Of(role).FirstOrDefault(known => known.Name == kind).Record;

    /// <summary>The kind by which configs name a record; null for a record without one.</summary>
    public static string? KindOf(Type record) => record.GetCustomAttribute<KindAttribute>()?.Name;

    IEnumerable<(string Name, Type Record)> Of(Type role) => kinds.Where(kind => role.IsAssignableFrom(kind.Record));

    /// <summary>The docs of a role's kinds, or of one record without a kind, with those of their settings.</summary>
    public IReadOnlyList<KindDoc> Describe(Type role) =>
        role.IsInterface || role.IsAbstract
            ? [.. Of(role).Select(kind => CatalogDocs.Of(kind.Record, this))]
            : [CatalogDocs.Of(role, this)];

    // ── what a config makes of it ─────────────────────────────────────────────────────────────

    /// <summary>Reads a document as a <typeparamref name="T"/>; returns the record, the document with every default written out, and its parts
    /// that decide the result and the training.</summary>
    /// <typeparam name="T">A role (the document needs a <c>kind</c>) or a plain record.</typeparam>
    /// <param name="written">The user's document.</param>
    /// <param name="path">The document's path in the whole config, such as <c>method</c>.</param>
    /// <exception cref="ConfigException">An unknown kind or setting, a missing one, a wrong type, a value out of range.</exception>
    public Resolved<T> Resolve<T>(Document written, string path = "")
        where T : notnull
    {
        var (value, resolved, identity, training) = Resolve(typeof(T), written, path);
        return new((T)value, resolved, identity, training);
    }

    /// <inheritdoc cref="Resolve{T}"/>
    public Resolved<object> Resolve(Type type, Document written, string path = "")
    {
        var value = new CatalogReading(this).Value(type, false, written, path)!;
        var (resolved, identity, training) = CatalogWriting.Of(value, written);
        return new(value, resolved, identity, training);
    }

    /// <summary>The record that a document describes.</summary>
    /// <inheritdoc cref="Resolve{T}"/>
    public T Build<T>(Document written, string path = "")
        where T : notnull => Resolve<T>(written, path).Value;

    /// <summary>The cached record of a mapping, or the result of reading it now.</summary>
    internal object Once(Document written, Type type, Func<object> reads)
    {
        var known = read.GetOrCreateValue(written);
        lock (known)
            if (known.TryGetValue(type, out var found))
                return found;
        var value = reads();
        lock (known)
            known[type] = value;
        return value;
    }

    // ── where it comes from ───────────────────────────────────────────────────────────────────

    // The project's assemblies are beside this one. A loaded one is not loaded again, because its records would be different types.
    static IEnumerable<Assembly> Own()
    {
        var here = typeof(Catalog).Assembly;
        var loaded = AppDomain
            .CurrentDomain.GetAssemblies()
            .Where(a => !a.IsDynamic)
            .GroupBy(a => a.GetName().Name!)
            .ToDictionary(a => a.Key, a => a.First());
        return Directory
            .GetFiles(Path.GetDirectoryName(here.Location)!, "Ebm.*.dll")
            .Order(StringComparer.Ordinal)
            .Select(file => Path.GetFileNameWithoutExtension(file))
            .Select(name => loaded.TryGetValue(name, out var assembly) ? assembly : Assembly.Load(name))
            .Where(assembly =>
                assembly == typeof(KindAttribute).Assembly
                || assembly.GetReferencedAssemblies().Any(r => r.Name == typeof(KindAttribute).Assembly.GetName().Name)
            );
    }

    static Assembly Other(string path)
    {
        var where = Source.CommandLine($"--with {path}");
        if (!File.Exists(path))
            throw new ConfigException(where, "", "there is no such file; name the assembly (.dll) that contains your kinds.");
        // The loader would wait for a pipe.
        if (RegularFile.Refusal(path) is { } says)
            throw new ConfigException(where, "", says);
        try
        {
            var assembly = Assembly.LoadFrom(Path.GetFullPath(path));
            return TypesOf(assembly).Count(type => KindOf(type) is not null) > 0
                ? assembly
                : throw new ConfigException(
                    where,
                    "",
                    "the assembly contains no record with [Kind(\"…\")]; add one, or omit the assembly."
                );
        }
        catch (FileNotFoundException error)
        {
            throw new ConfigException(where, "", $"the assembly needs {error.FileName}, which is not in its folder; copy it there.", error);
        }
        catch (BadImageFormatException error)
        {
            throw new ConfigException(where, "", $"this is not a .NET assembly: {FirstLine(error)}");
        }
        catch (FileLoadException error)
        {
            throw new ConfigException(where, "", $"the assembly cannot be loaded: {FirstLine(error)}");
        }
        catch (ReflectionTypeLoadException error)
        {
            throw new ConfigException(
                where,
                "",
                $"the assembly needs something that is missing here: {FirstLine(error.LoaderExceptions.First(e => e is not null)!)}"
            );
        }
    }

    static string FirstLine(Exception error) => error.Message.Split('\n')[0].TrimEnd('.') + ".";

    static Type[] TypesOf(Assembly assembly) => assembly.GetTypes();

    static void RefuseTwins(IReadOnlyList<Type> records, string name)
    {
        foreach (var role in records.SelectMany(record => record.GetInterfaces()).Where(IsRole).Distinct())
            if (records.Where(role.IsAssignableFrom).Take(2).ToList() is [var one, var other])
                throw new ConfigException(
                    Source.Of("catalog"),
                    "",
                    $"\"{name}\" is the kind of both {Place(one)} and {Place(other)}, which have the same role; rename one of them."
                );
    }

    // Interfaces of the runtime (such as IEquatable<T>) are not roles.
    static bool IsRole(Type type) => type.Assembly != typeof(object).Assembly;

    static string Place(Type record) => $"{record.FullName} ({Path.GetFileName(record.Assembly.Location)})";
}

/// <summary>The result of reading a config.</summary>
/// <param name="Value">The record.</param>
/// <param name="Document">Every setting, the kind first, then in the order of the record.</param>
/// <param name="Identity">The same without settings that do not affect the result.</param>
/// <param name="Training">The same without settings that act after training only.</param>
public sealed record Resolved<T>(T Value, Document Document, Document Identity, Document Training);
