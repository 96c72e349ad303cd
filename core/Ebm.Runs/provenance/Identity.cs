using System.Globalization;
using System.Text;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// What makes a run that run and no other: the resolved config without what decides nothing about the result. The same config has the same id on
/// every machine, in every culture and process, however its keys were ordered.
/// </summary>
public sealed record Identity
{
    const int Digits = 12;
    const int LongestSlug = 40;

    /// <summary>The canonical JSON that is hashed: <c>config.json</c>.</summary>
    public string Json { get; }

    /// <summary>Its SHA-256: 64 hexadecimal digits.</summary>
    public string Sha256 { get; }

    /// <summary><c>data-method-s0-0123456789ab</c>: the folder's name.</summary>
    public string RunId { get; }

    /// <summary><c>data-method-0123456789ab</c>: the same for runs that differ in nothing but their seed.</summary>
    public string GroupId { get; }

    Identity(string json, string sha256, string runId, string groupId) => (Json, Sha256, RunId, GroupId) = (json, sha256, runId, groupId);

    /// <param name="identity">What <see cref="Resolved{T}.Identity"/> holds: with data.kind, method.kind and seed.</param>
    /// <exception cref="ConfigException">One of the three is missing, or a text has no normal form.</exception>
    public static Identity Of(Document identity)
    {
        var (data, method) = (identity.Text("data.kind"), identity.Text("method.kind"));
        var seed = identity.Integer("seed").ToString(CultureInfo.InvariantCulture);
        var json = Canonical.Json(identity);
        var hash = Canonical.Sha256(json);
        var group = Canonical.Sha256(Canonical.Json(identity.Without("seed")));
        return new(json, hash, $"{Slug($"{data}-{method}-s{seed}")}-{hash[..Digits]}", $"{Slug($"{data}-{method}")}-{group[..Digits]}");
    }

    /// <summary>The hash of a metric's resolved settings: values of equal protocol are comparable.</summary>
    public static string Protocol(Document settings) => Canonical.Sha256(Canonical.Json(settings))[..Digits];

    // Only [a-z0-9-]; what is too long keeps its end, where the seed is.
    static string Slug(string words)
    {
        var text = new StringBuilder();
        foreach (var c in words.ToLowerInvariant())
            text.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        var slug = string.Join('-', text.ToString().Split('-', StringSplitOptions.RemoveEmptyEntries));
        return (slug.Length <= LongestSlug ? slug : slug[^LongestSlug..]).Trim('-');
    }
}
