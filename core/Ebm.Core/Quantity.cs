using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Ebm.Records;

namespace Ebm.Core;

/// <summary>
/// A value that a metric declares: its name, unit, direction and so on, everything but the number. Command lines, configs, tables and <c>list
/// metric</c> read it, and measurements are made from it, so each fact is written once.
/// </summary>
/// <param name="Name">Such as <c>grid-kl</c>; may have one parameter, <c>auroc/&lt;set&gt;</c> or <c>&lt;ladder|recovery&gt;/nll</c>.</param>
/// <param name="Unit">Such as <c>nats</c>.</param>
/// <param name="Better">Which values are better.</param>
/// <param name="Importance">How directly it measures the quality of a model.</param>
/// <param name="Estimator">Name and version, such as <c>grid-kl 1</c>; the version increases when the same rows would give another number.</param>
/// <param name="Doc">A short description.</param>
/// <param name="Scale"><c>linear</c> or <c>log</c>: how a figure should draw it.</param>
/// <param name="Order">Its place in tables among the quantities of its importance, the smallest first. One that declares no place comes after
/// those that do. The project's own are from 100 (exact) over 200 (likelihoods) and 300 (samples) to 800 (other).</param>
/// <param name="ComparedWith">The name of the quantity that is its comparison value, such as <c>grid-kl/gaussian</c>: tables show the value as
/// a share of it. Null without one.</param>
public sealed partial record Quantity(
    string Name,
    string Unit,
    Direction Better,
    Importance Importance,
    string Estimator,
    string Doc,
    string Scale = "linear",
    int? Order = null,
    string? ComparedWith = null
)
{
    [GeneratedRegex("<([^>]+)>")]
    private static partial Regex Parameter();

    /// <summary>The quantities of a record's kind: its public static fields, in file order.</summary>
    public static IReadOnlyList<Quantity> DeclaredBy(Type record) =>
        [
            .. record
                .GetFields(BindingFlags.Public | BindingFlags.Static)
                .Where(field => field.FieldType == typeof(Quantity))
                .OrderBy(field => field.MetadataToken)
                .Select(field => (Quantity)field.GetValue(null)!),
        ];

    /// <summary>The quantity with its parameter replaced by a value.</summary>
    public Quantity For(string parameter) => this with { Name = Parameter().Replace(Name, parameter) };

    /// <summary>Whether the name is this quantity's, for some value of its parameter.</summary>
    public bool Fits(string name)
    {
        string Words(Match one) => one.Value.Contains('|') ? $"({one.Groups[1].Value.Replace(@"\|", "|")})" : "[^/]+";
        return Regex.IsMatch(name, $@"\A{Parameter().Replace(Regex.Escape(Name), Words)}\z");
    }

    /// <summary>A measurement of this quantity.</summary>
    /// <param name="value">May be NaN or infinite.</param>
    /// <param name="se">Standard error of the value, if the metric estimates it.</param>
    /// <param name="n">Number of draws or cells behind the value.</param>
    /// <param name="facts">Every choice that changes the number but not the model, in a fixed order: sample counts, reference rows, the grid. Their
    /// hash is the protocol.</param>
    public Measurement Found(double value, double? se, long n, params object[] facts)
    {
        var sentence = string.Join(' ', [Estimator, .. facts.Select(fact => Convert.ToString(fact, CultureInfo.InvariantCulture))]);
        var protocol = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sentence)))[..12];
        return new(Name, value, Unit, Better, Scale, se, n, protocol, Importance, Order, ComparedWith);
    }
}
