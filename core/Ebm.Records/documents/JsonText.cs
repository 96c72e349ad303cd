using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ebm.Records;

/// <summary>
/// The JSON of files, tables and audits. One set of options writes and reads all records: keys in camel case in declaration order, enums as words
/// (<see cref="Kebab"/>), NaN and the infinities as strings, null values omitted. A text in which an object has a key twice, however it is spelt, is
/// not valid: programs differ in which of the two they read.
/// </summary>
public static class JsonText
{
    // Files keep names readable; text that may be put into a page escapes all characters with a meaning in HTML.
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
            AllowDuplicateProperties = false,
        };

    sealed class Words : JsonNamingPolicy
    {
        public override string ConvertName(string name) => Kebab.Case(name);
    }

    /// <summary>A record on one line, without a line break.</summary>
    public static string LineOf<T>(T value) => JsonSerializer.Serialize(value, Plain);

    /// <summary>An indented record with a final line break, for files of a run.</summary>
    public static string FileOf<T>(T value) => JsonSerializer.Serialize(value, PlainIndented) + "\n";

    /// <summary>An indented record for text that is also printed and may be put into a page.</summary>
    public static string ReadableOf<T>(T value) => JsonSerializer.Serialize(value, SafeIndented) + "\n";

    /// <summary>A record on one line, safe inside a page's script: no text in it can end the script.</summary>
    public static string PageOf<T>(T value) => JsonSerializer.Serialize(value, Safe);

    /// <exception cref="InvalidDataException">The text is not a valid <typeparamref name="T"/>; the message names the file.</exception>
    public static T Read<T>(string json, string file)
    {
        try
        {
            return ReadLine<T>(json) ?? throw new InvalidDataException($"{file}: the value is null instead of an object.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{file}, line {(error.LineNumber ?? 0) + 1}: invalid content: {Says(error)}", error);
        }
    }

    /// <summary>The elements of a text that has no record here.</summary>
    /// <exception cref="JsonException">The text is not JSON, or an object in it has a key twice.</exception>
    public static JsonDocument Parse(string json) => JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });

    /// <exception cref="JsonException">The text is not a valid <typeparamref name="T"/>.</exception>
    internal static T? ReadLine<T>(string json) => JsonSerializer.Deserialize<T>(json, Plain);

    /// <summary>The message without the path and position that .NET appends.</summary>
    internal static string Says(JsonException error) => error.Message.Split(" Path: $")[0];
}

/// <summary>JSON that is written unchanged: canonical JSON stays on one line within an indented text.</summary>
[JsonConverter(typeof(AsItIs))]
public sealed record RawJson(string Text)
{
    sealed class AsItIs : JsonConverter<RawJson>
    {
        public override RawJson Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            throw new NotSupportedException("raw JSON can only be written, not read");

        public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) => writer.WriteRawValue(value.Text);
    }
}
