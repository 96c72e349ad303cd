using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>JSON that is written piece by piece, as text.</summary>
public static class JsonText
{
    /// <summary>One line, without its break.</summary>
    public static string Line(Action<Utf8JsonWriter> write) => Text(write, indented: false, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Indented, with a line break at its end: a file that is also read by eye, and may end up in a page.</summary>
    public static string Readable(Action<Utf8JsonWriter> write) => Text(write, indented: true, JavaScriptEncoder.Default) + "\n";

    /// <summary>One line that may stand in a page's script: no text in it ends the script.</summary>
    public static string ForPage(Action<Utf8JsonWriter> write) => Text(write, indented: false, JavaScriptEncoder.Default);

    static string Text(Action<Utf8JsonWriter> write, bool indented, JavaScriptEncoder encoder)
    {
        using var stream = new MemoryStream();
        using (
            var json = new Utf8JsonWriter(
                stream,
                new JsonWriterOptions
                {
                    Indented = indented,
                    NewLine = "\n",
                    Encoder = encoder,
                }
            )
        )
            write(json);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
