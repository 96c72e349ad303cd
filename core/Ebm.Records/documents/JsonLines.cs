using System.Text;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// Files with one JSON object per line, each with its <c>step</c>. A process may die while it writes a line: readers ignore such a torn last line,
/// and a resumed run cuts it off before it appends. A torn line anywhere else is an error.
/// </summary>
static class JsonLines
{
    /// <param name="path">The file; created if it is missing.</param>
    /// <param name="lines">One object per line.</param>
    /// <param name="opened">Called after opening the file and before writing to it.</param>
    internal static void Append<T>(string path, IEnumerable<T> lines, Action opened)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
            text.Append(JsonText.LineOf(line)).Append('\n');
        if (text.Length == 0)
            return;
        using var stream = Disk.Append(path);
        AtomicFile.Reached?.Invoke("opened to append");
        opened();
        AtomicFile.Reached?.Invoke("about to append");
        stream.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <param name="isWanted">Which lines to parse, by their text; null: all.</param>
    internal static IEnumerable<T> Read<T>(string path, Func<string, bool>? isWanted = null)
    {
        if (!Disk.HasFile(path))
            yield break;
        var number = 0;
        foreach (var line in RegularFile.WholeLines(path))
        {
            number++;
            if (isWanted is not null && !isWanted(line))
                continue;
            T value;
            try
            {
                value = JsonText.ReadLine<T>(line) ?? throw new JsonException("the value is null");
            }
            catch (JsonException error)
            {
                throw new InvalidDataException($"{path}, line {number}: invalid line: {JsonText.Says(error)}", error);
            }
            yield return value;
        }
    }

    /// <summary>
    /// Removes the lines from the first one with a later step on, and a torn last line. The remaining bytes do not change, but the file is a new
    /// one: a process that still has the old one open writes to a deleted file.
    /// </summary>
    internal static void Truncate(string path, long afterStep, string? staging)
    {
        if (!Disk.HasFile(path))
            return;
        var kept = 0L;
        foreach (var line in RegularFile.WholeLines(path))
        {
            if (Step(line, path) > afterStep)
                break;
            kept += Encoding.UTF8.GetByteCount(line) + 1;
        }
        using var whole = Disk.Read(path);
        AtomicFile.Write(path, stream => Copy(whole, stream, kept), staging);
    }

    static void Copy(Stream from, Stream to, long bytes)
    {
        var piece = new byte[1 << 16];
        for (int got; bytes > 0 && (got = from.Read(piece, 0, (int)Math.Min(bytes, piece.Length))) > 0; bytes -= got)
            to.Write(piece, 0, got);
    }

    static long Step(string line, string path)
    {
        try
        {
            using var json = JsonText.Parse(line);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(
                $"{path}: \"{(line.Length <= 200 ? line : line[..200] + "…")}\" has no valid step; the file was changed.",
                error
            );
        }
    }
}
