using System.Globalization;
using System.Text;

namespace Ebm.Records;

/// <summary>
/// Opens files that others may have written, for reading. A pipe would block its reader and a device may never end, so anything but a regular file
/// is refused before it is opened; what is read whole has a largest size. Errors are sentences that begin with the path.
/// </summary>
public static class RegularFile
{
    /// <summary>The largest size in bytes of a file that people write: configs, sweeps, specifications of tables.</summary>
    public const int Written = 1 << 20;

    /// <summary>The largest size in bytes of a file that a program writes as one document: manifests, metrics, launch records, reports.</summary>
    public const int Record = 64 << 20;

    /// <summary>The longest line, in characters, of a file that grows by lines; such a file has no largest size.</summary>
    public const int Line = 16 << 20;

    /// <summary>Opens a file for reading; other processes may write to it at the same time.</summary>
    /// <exception cref="InvalidDataException">It is a folder, a pipe, a device or a socket.</exception>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static FileStream Open(string path)
    {
        if (Refusal(path) is { } says)
            throw new InvalidDataException($"{path}: {says}");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
    }

    /// <summary>Why a path cannot be read as a file, as a sentence; null for a regular file, or if nothing is known of it.</summary>
    public static string? Refusal(string path) =>
        FileStatus.Of(path)?.Kind switch
        {
            FileKind.Folder => "this is a folder; name a file.",
            FileKind.Pipe => "this is a pipe; write its content to a regular file, and name that.",
            FileKind.Device or FileKind.BlockDevice => "this is a device; name a regular file.",
            FileKind.Socket => "this is a socket; name a regular file.",
            _ => null,
        };

    /// <summary>The bytes of a file.</summary>
    /// <param name="most">The largest size in bytes.</param>
    /// <exception cref="InvalidDataException">It is not a regular file, or it is larger.</exception>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static byte[] Bytes(string path, int most)
    {
        using var stream = Disk.Read(path);
        // Not the length alone: it is 0 for the files of /proc, and a file may grow while it is read.
        var content = new MemoryStream((int)Math.Min(stream.Length, most));
        // One byte more than expected, so that a second read finds the end.
        var piece = new byte[Math.Clamp(stream.Length + 1, 1 << 9, 1 << 16)];
        for (int got; stream.Length <= most && (got = stream.Read(piece)) > 0; )
        {
            content.Write(piece, 0, got);
            if (content.Length > most)
                break;
        }
        return stream.Length <= most && content.Length <= most
            ? content.ToArray()
            : throw new InvalidDataException(
                $"{path}: the file is larger than {Megabytes(most)}, the most for a file of this kind; name another file."
            );
    }

    /// <summary>The text of a file, UTF-8 unless it begins with another byte-order mark; the mark itself is left out.</summary>
    /// <inheritdoc cref="Bytes"/>
    public static string Text(string path, int most)
    {
        using var reader = new StreamReader(new MemoryStream(Bytes(path, most)), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>The lines of a file, as <see cref="File.ReadLines(string)"/> gives them, one after the other.</summary>
    /// <param name="longest">The longest line in characters.</param>
    /// <exception cref="InvalidDataException">It is not a regular file, or a line is longer.</exception>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static IEnumerable<string> Lines(string path, int longest = Line)
    {
        using var reader = new StreamReader(Disk.Read(path), Encoding.UTF8);
        var line = new StringBuilder();
        var piece = new char[1 << 14];
        var (number, afterReturn) = (1, false);
        for (int got; (got = reader.Read(piece)) > 0; )
        for (var i = 0; i < got; )
        {
            // "\r\n" is one end of a line.
            if (afterReturn && piece[i] == '\n')
            {
                (afterReturn, i) = (false, i + 1);
                continue;
            }
            afterReturn = false;
            var end = piece.AsSpan(i, got - i).IndexOfAny('\n', '\r');
            var length = end < 0 ? got - i : end;
            if (line.Length + length > longest)
                throw TooLong(path, number, longest);
            line.Append(piece, i, length);
            i += length;
            if (end < 0)
                continue;
            yield return line.ToString();
            line.Clear();
            number++;
            afterReturn = piece[i++] == '\r';
        }
        if (line.Length > 0)
            yield return line.ToString();
    }

    /// <summary>
    /// The lines of a file to which a program appends. A line is complete only with its line break, so a last one without it, left by a process that
    /// died, is not among them. Another process may append at the same time.
    /// </summary>
    /// <param name="longest">The longest line in characters.</param>
    /// <param name="mayHaveMark">Whether a byte-order mark is a part of the first line, instead of an error.</param>
    /// <exception cref="InvalidDataException">It is not a regular file, a line is longer, or the file begins with a byte-order mark.</exception>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static IEnumerable<string> WholeLines(string path, int longest = Line, bool mayHaveMark = false)
    {
        using var reader = new StreamReader(Disk.Read(path), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false);
        var line = new StringBuilder();
        var piece = new char[1 << 14];
        var number = 1;
        // Without the check, a program that counts the bytes of these lines would cut off as many at the end.
        if (!mayHaveMark && reader.Peek() == '\ufeff')
            throw new InvalidDataException(
                $"{path}: the file begins with a byte-order mark, which no program here writes; remove these three bytes."
            );
        for (int got; (got = reader.Read(piece)) > 0; )
        for (var i = 0; i < got; )
        {
            var end = Array.IndexOf(piece, '\n', i, got - i);
            var length = end < 0 ? got - i : end - i;
            if (line.Length + length > longest)
                throw TooLong(path, number, longest);
            line.Append(piece, i, length);
            i += length;
            if (end < 0)
                continue;
            yield return line.ToString();
            line.Clear();
            (number, i) = (number + 1, i + 1);
        }
    }

    static InvalidDataException TooLong(string path, int number, int longest) =>
        new(
            $"{path}, line {number.ToString(CultureInfo.InvariantCulture)}: the line is longer than {Megabytes(longest)}, so this is not a file of such lines; name another file."
        );

    static string Megabytes(int bytes) =>
        bytes >= 1 << 20
            ? $"{(bytes >> 20).ToString(CultureInfo.InvariantCulture)} MB"
            : $"{bytes.ToString(CultureInfo.InvariantCulture)} bytes";
}
