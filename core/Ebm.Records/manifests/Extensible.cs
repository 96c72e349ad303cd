using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>
/// A record that newer versions may extend. Fields unknown to this version are kept and written again after its own.
/// </summary>
public abstract record Extensible
{
    /// <summary>The fields unknown to this version; null if there are none.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; init; }
}
