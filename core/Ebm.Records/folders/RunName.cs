using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// The name of a run's folder follows from its config: <c>data-method-s0-0123456789ab</c>, where the digits begin the SHA-256 of
/// <c>config.json</c>. So two folders of one sweep never have the same config, and a renamed folder is not a run.
/// </summary>
public static class RunName
{
    /// <summary>Hexadecimal digits of a hash at the end of a name.</summary>
    public const int Digits = 12;

    const int LongestSlug = 40;

    /// <summary>Words in lower case with hyphens, only [a-z0-9-]; a text that is too long keeps its end, which has the seed.</summary>
    public static string Slug(string words)
    {
        var text = new StringBuilder();
        foreach (var c in words.ToLowerInvariant())
            text.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        var slug = string.Join('-', text.ToString().Split('-', StringSplitOptions.RemoveEmptyEntries));
        return (slug.Length <= LongestSlug ? slug : slug[^LongestSlug..]).Trim('-');
    }

    /// <summary>The name of a run of this data, method and seed.</summary>
    /// <param name="sha256">The hash of its <c>config.json</c>.</param>
    public static string Of(string data, string method, long seed, string sha256) =>
        $"{Slug(string.Create(CultureInfo.InvariantCulture, $"{data}-{method}-s{seed}"))}-{sha256[..Digits]}";

    /// <summary>Whether a folder's name ends like that of a run.</summary>
    public static bool IsLike(string name) =>
        name.Length > Digits + 1 && name[^(Digits + 1)] == '-' && name[^Digits..].All(char.IsAsciiHexDigitLower);

    /// <summary>Why a name does not follow from a config; null if it does.</summary>
    /// <param name="config">The bytes of <c>config.json</c>.</param>
    internal static string? Contradicts(string name, byte[] config)
    {
        var sha256 = Canonical.Sha256(config);
        if (!name.EndsWith("-" + sha256[..Digits], StringComparison.Ordinal))
            return "its name does not end in the hash of its config.json: one of them was altered";
        try
        {
            using var json = JsonText.Parse(Encoding.UTF8.GetString(config));
            // A config that another program made may lack data, method or seed, which precede the hash in the name.
            if (Kind(json.RootElement, "data") is not { } data || Kind(json.RootElement, "method") is not { } method)
                return null;
            if (!json.RootElement.TryGetProperty("seed", out var seed) || !seed.TryGetInt64(out var number))
                return null;
            var expected = Of(data, method, number, sha256);
            return name == expected ? null : $"its name is not that of its config, {expected}: it was renamed or copied";
        }
        catch (JsonException error)
        {
            return $"its config.json is not valid JSON: {JsonText.Says(error)}";
        }
    }

    static string? Kind(JsonElement config, string group) =>
        config.ValueKind == JsonValueKind.Object
        && config.TryGetProperty(group, out var chosen)
        && chosen.ValueKind == JsonValueKind.Object
        && chosen.TryGetProperty("kind", out var kind)
        && kind.ValueKind == JsonValueKind.String
            ? kind.GetString()
            : null;
}
