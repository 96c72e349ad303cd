using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>
/// The JSON of files, tables and audits. Records are written and read by one set of options: keys in camel case and in the order of the
/// declaration, an enum as its word (<see cref="Kebab"/>), NaN and the infinities as strings, what is null left out.
/// </summary>
public static class JsonText
{
    // In files names stay readable; what may end up in a page escapes all that HTML could mistake.
    static readonly JsonSerializerOptions Plain = Options(indented: false, JavaScriptEncoder.UnsafeRelaxedJsonEscaping),
        PlainIndented = Options(indented: true, JavaScriptEncoder.UnsafeRelaxedJsonEscaping),
        Safe = Options(indented: false, JavaScriptEncoder.Default),
        SafeIndented = Options(indented: true, JavaScriptEncoder.Default);

    static JsonSerializerOptions Options(bool indented, JavaScriptEncoder encoder) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Converters = { new JsonStringEnumConverter(new Words(), allowIntegerValues: false) },
            Encoder = encoder,
            NewLine = "\n",
            WriteIndented = indented,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
        };

    sealed class Words : JsonNamingPolicy
    {
        public override string ConvertName(string name) => Kebab.Case(name);
    }

    /// <summary>A record on one line, without its break.</summary>
    public static string LineOf<T>(T value) => JsonSerializer.Serialize(value, Plain);

    /// <summary>A record, indented, with a line break at its end: a file of a run.</summary>
    public static string FileOf<T>(T value) => JsonSerializer.Serialize(value, PlainIndented) + "\n";

    /// <summary>The same for what is also printed, and may end up in a page.</summary>
    public static string ReadableOf<T>(T value) => JsonSerializer.Serialize(value, SafeIndented) + "\n";

    /// <summary>A record on one line that may stand in a page's script: no text in it ends the script.</summary>
    public static string PageOf<T>(T value) => JsonSerializer.Serialize(value, Safe);

    /// <exception cref="InvalidDataException">The text is not a <typeparamref name="T"/>; the sentence names the file.</exception>
    public static T Read<T>(string json, string file)
    {
        try
        {
            return ReadLine<T>(json) ?? throw new InvalidDataException($"{file}: null stands where an object should.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException(
                $"{file}, line {(error.LineNumber ?? 0) + 1}: this is not what the project writes: {Says(error)}",
                error
            );
        }
    }

    /// <exception cref="JsonException">The text is not a <typeparamref name="T"/>.</exception>
    internal static T? ReadLine<T>(string json) => JsonSerializer.Deserialize<T>(json, Plain);

    /// <summary>What is wrong, without the path and the place that .NET writes behind it.</summary>
    internal static string Says(JsonException error) => error.Message.Split(" Path: $")[0];
}

/// <summary>JSON that is written as it is: canonical JSON stays on its line within an indented text.</summary>
[JsonConverter(typeof(AsItIs))]
public sealed record RawJson(string Text)
{
    sealed class AsItIs : JsonConverter<RawJson>
    {
        public override RawJson Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            throw new NotSupportedException("raw JSON is only written");

        public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) => writer.WriteRawValue(value.Text);
    }
}
