using System.Text;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// Reads a file of a run that grows by lines, such as <c>events.jsonl</c>, while the run writes it: each call gives the values of the lines that
/// were added since the last call. A last line without its line break is left for the next call. A file that was replaced or cut, as a resumed run
/// does, is read again from its start.
/// </summary>
public sealed class Follower
{
    readonly string path;
    readonly Func<string, Event> parse;
    (FileStatus? Status, long Length) seen;
    long offset;
    int number;

    Follower(string path, Func<string, Event> parse) => (this.path, this.parse) = (path, parse);

    /// <summary>Follows the values that training recorded.</summary>
    public static Follower OfEvents(RunFolder folder) =>
        new(folder.In("events.jsonl"), line => JsonText.ReadLine<Event>(line) ?? throw new JsonException("the value is null"));

    /// <summary>Follows the metrics taken during training: their steps, names and values.</summary>
    public static Follower OfMeasures(RunFolder folder) => new(folder.In("measures.jsonl"), RunFolder.MeasuredLine);

    /// <summary>The values of the lines that are new, in order; none for a missing file.</summary>
    /// <param name="fromStart">Whether values of earlier calls are void, because the file is another one or became shorter.</param>
    /// <exception cref="InvalidDataException">A line is not valid; the next call begins at the start of the file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public IReadOnlyList<Event> Next(out bool fromStart)
    {
        fromStart = false;
        var file = new FileInfo(path);
        var status = FileStatus.Of(path);
        if (!file.Exists)
        {
            fromStart = offset > 0;
            Restart();
            return [];
        }
        // Most files of a sweep do not grow, and are not opened.
        if (status is not null && (status, file.Length) == seen)
            return [];
        if (seen.Status?.Inode != status?.Inode || file.Length < offset)
        {
            fromStart = offset > 0;
            Restart();
        }
        using var stream = RegularFile.Open(path);
        stream.Seek(offset, SeekOrigin.Begin);
        var values = new List<Event>();
        try
        {
            foreach (var line in Whole(stream))
                values.Add(parse(line));
        }
        catch (JsonException error)
        {
            var says = $"{path}, line {number}: invalid line: {JsonText.Says(error)}";
            Restart();
            throw new InvalidDataException(says, error);
        }
        catch (IOException)
        {
            // The lines that were read before it are lost to the caller.
            Restart();
            throw;
        }
        seen = (status, file.Length);
        return values;
    }

    void Restart() => (seen, offset, number) = ((null, 0), 0, 0);

    // The lines up to the last line break. Bytes, not characters, are counted: the next call begins at a byte.
    IEnumerable<string> Whole(FileStream stream)
    {
        var line = new MemoryStream();
        var piece = new byte[1 << 16];
        for (int got; (got = stream.Read(piece)) > 0; )
        for (var i = 0; i < got; )
        {
            var end = Array.IndexOf(piece, (byte)'\n', i, got - i);
            line.Write(piece, i, (end < 0 ? got : end) - i);
            if (line.Length > RegularFile.Line)
            {
                Restart();
                throw new InvalidDataException($"{path}: a line is longer than {RegularFile.Line >> 20} MB, so no run wrote this file.");
            }
            if (end < 0)
                break;
            number++;
            offset += line.Length + 1;
            yield return Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length);
            line.SetLength(0);
            i = end + 1;
        }
    }
}
