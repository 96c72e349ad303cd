using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>
/// A record that a newer version may write with further fields. Those that this version does not know are kept, and written again behind its own.
/// </summary>
public abstract record Extensible
{
    /// <summary>The fields that this version does not know; null without any.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}
