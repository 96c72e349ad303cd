using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>The JSON of run folders: camel case, NaN and the infinities as strings, enums as words in kebab case, what is null left out.</summary>
static class Json
{
    internal static readonly JsonSerializerOptions Line = Options(indented: false);
    internal static readonly JsonSerializerOptions Readable = Options(indented: true);

    static JsonSerializerOptions Options(bool indented) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            // Files, not web pages: names stay readable.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NewLine = "\n",
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
            WriteIndented = indented,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
        };

    /// <exception cref="InvalidDataException">The text is not a <typeparamref name="T"/>; the sentence names the file.</exception>
    internal static T Read<T>(string json, string file)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Line)
                ?? throw new InvalidDataException($"{file}: null stands where an object should.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException(
                $"{file}, line {(error.LineNumber ?? 0) + 1}: this is not what the project writes: {Says(error)}",
                error
            );
        }
    }

    /// <summary>What is wrong, without the path and the place that .NET writes behind it.</summary>
    internal static string Says(JsonException error) => error.Message.Split(" Path: $")[0];
}
