using System.Text;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// Files that grow by a JSON object a line, each with its <c>step</c>. A process may die in the middle of a line: such a last line is not there
/// for a reader, and is cut off before a resumed run appends. A torn line anywhere else is an error.
/// </summary>
static class JsonLines
{
    /// <param name="path">The file; made where it is missing.</param>
    /// <param name="lines">One object a line.</param>
    /// <param name="opened">Called between opening the file and writing into it.</param>
    internal static void Append<T>(string path, IEnumerable<T> lines, Action opened)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append(JsonText.LineOf(line)).Append('\n');
        if (text.Length == 0)
            return;
        using var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        AtomicFile.Reached?.Invoke("opened to append");
        opened();
        AtomicFile.Reached?.Invoke("about to append");
        stream.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    internal static IEnumerable<T> Read<T>(string path)
    {
        if (!File.Exists(path))
            yield break;
        // Another process may be appending.
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, new UTF8Encoding(false));
        var number = 0;
        foreach (var line in WholeLines(reader))
        {
            number++;
            T value;
            try
            {
                value = JsonText.ReadLine<T>(line) ?? throw new JsonException("null stands here");
            }
            catch (JsonException error)
            {
                throw new InvalidDataException(
                    $"{path}, line {number}: this is not what the project writes: {JsonText.Says(error)}",
                    error
                );
            }
            yield return value;
        }
    }

    // A line counts once its line break is there.
    static IEnumerable<string> WholeLines(StreamReader reader)
    {
        var line = new StringBuilder();
        var buffer = new char[1 << 14];
        for (int got; (got = reader.Read(buffer)) > 0; )
        for (var i = 0; i < got; i++)
            if (buffer[i] == '\n')
            {
                yield return line.ToString();
                line.Clear();
            }
            else
                line.Append(buffer[i]);
    }

    /// <summary>
    /// Cuts the file before the first line whose step is later, and a torn last line with it; the bytes before stay as they are. It is another
    /// file afterwards: who had the old one open writes into what nobody reads.
    /// </summary>
    internal static void Truncate(string path, long afterStep, string? staging)
    {
        if (!File.Exists(path))
            return;
        var bytes = File.ReadAllBytes(path);
        var kept = 0;
        while (Array.IndexOf(bytes, (byte)'\n', kept) is >= 0 and var end && Step(bytes.AsSpan(kept, end - kept), path) <= afterStep)
            kept = end + 1;
        AtomicFile.Write(path, bytes[..kept], staging);
    }

    static long Step(ReadOnlySpan<byte> line, string path)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using var json = JsonDocument.ParseValue(ref reader);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}: \"{Encoding.UTF8.GetString(line)}\" has no step; the file was altered.", error);
        }
    }
}
