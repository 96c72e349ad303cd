using System.Collections.Concurrent;
using System.Reflection;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>One setting of a record: a constructor parameter, and the property with the value that the record uses.</summary>
/// <param name="MayBeNull">Whether its type allows null.</param>
/// <param name="Decides">Whether it is part of a run's identity.</param>
/// <param name="Trains">Whether it can affect training.</param>
/// <param name="Old">The value of runs made before the setting existed; null if it always existed.</param>
sealed record Setting(
    ParameterInfo Parameter,
    string Key,
    bool MayBeNull,
    PropertyInfo? Property,
    bool Decides,
    bool Trains,
    OldRunsHadAttribute? Old
)
{
    internal Type Type => Parameter.ParameterType;

    internal bool HasDefault => Parameter.HasDefaultValue;

    // Reflection returns the default of a nullable enum as its underlying number, and that of a struct as null.
    internal object? Default =>
        Parameter.DefaultValue is { } value && (Nullable.GetUnderlyingType(Type) ?? Type) is { IsEnum: true } choice
            ? Enum.ToObject(choice, value)
        : Parameter.DefaultValue is null && Type.IsValueType ? Activator.CreateInstance(Type)
        : Parameter.DefaultValue;

    /// <summary>The setting's value in a record.</summary>
    internal object? Of(object record) =>
        Property is not null
            ? Property.GetValue(record)
            : throw new InvalidOperationException(
                $"{record.GetType()} takes {Parameter.Name} but has no public property of that name; without it the resolved config cannot be written."
            );
}

/// <summary>The settings of a record that configs describe, found by reflection once per type.</summary>
sealed class CatalogShape
{
    static readonly ConcurrentDictionary<Type, CatalogShape> Known = new();

    CatalogShape(Type record)
    {
        Kind = record.GetCustomAttribute<KindAttribute>()?.Name;
        Constructor = record.GetConstructors() is [var only]
            ? only
            : throw new InvalidOperationException(
                $"{record} has {record.GetConstructors().Length} public constructors; a record that configs describe has exactly one."
            );
        var nullability = new NullabilityInfoContext();
        Settings = Constructor
            .GetParameters()
            .Select(parameter => new Setting(
                parameter,
                Kebab.Case(parameter.Name!),
                nullability.Create(parameter).WriteState == NullabilityState.Nullable,
                record.GetProperty(parameter.Name!, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase),
                parameter.GetCustomAttribute<NoIdentityAttribute>() is null,
                parameter.GetCustomAttribute<AfterTrainingAttribute>() is null,
                parameter.GetCustomAttribute<OldRunsHadAttribute>()
            ))
            .ToList();
        Keys = [.. Settings.Select(setting => setting.Key)];
    }

    internal static CatalogShape Of(Type record) => Known.GetOrAdd(record, type => new(type));

    internal string? Kind { get; }

    internal ConstructorInfo Constructor { get; }

    internal IReadOnlyList<Setting> Settings { get; }

    internal IReadOnlyList<string> Keys { get; }
}
