using System.Globalization;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// A text table of numbers: one line for each row, one separator between fields, which may be quoted. Unless the caller says whether there
/// is a header, the first line is one if a field of it is not a number. No value is guessed or filled in: a field that is not a finite
/// number is an error with file, line and column.
/// </summary>
/// <param name="Columns">The header's names, or 1, 2, … without a header.</param>
/// <param name="Rows">Rows with a number for each column.</param>
sealed record Delimited(string[] Columns, double[][] Rows)
{
    static readonly char[] Known = [',', ';', '\t', '|'];

    // A longer line is not one of a table; in characters.
    const int LongestLine = 1 << 20;

    /// <summary>The names of the columns, from the first line alone.</summary>
    /// <inheritdoc cref="Read"/>
    public static string[] ColumnsOf(string path, char? separator, bool? header) =>
        Head(path, Lines(path).Take(1).ToArray(), separator, header).Columns;

    /// <param name="separator">Null chooses the most frequent of comma, semicolon, tab and bar in the first line.</param>
    /// <param name="header">Whether the first line names the columns; null decides by its fields.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">A line is not valid; the message has the line and the reason.</exception>
    public static Delimited Read(string path, char? separator, bool? header)
    {
        var lines = Lines(path).ToArray();
        var (columns, named, between) = Head(path, lines, separator, header);
        var rows = lines.Skip(named ? 1 : 0).Select(line => Numbers(path, line, between, columns)).ToArray();
        return rows.Length > 0 ? new(columns, rows) : throw new InvalidDataException($"{path} has a header but no rows.");
    }

    static IEnumerable<(string Text, int Number)> Lines(string path)
    {
        if (!Path.Exists(path))
            throw new FileNotFoundException(
                $"{path} is missing: put the table there, or set the data root with --data or the variable EBM_DATA.",
                path
            );
        return RegularFile
            .Lines(path, LongestLine)
            .Select((text, i) => (Text: text.TrimStart('\ufeff'), Number: i + 1))
            .Where(line => line.Text.Trim().Length > 0);
    }

    static (string[] Columns, bool Named, char Separator) Head(
        string path,
        (string Text, int Number)[] lines,
        char? separator,
        bool? header
    )
    {
        if (lines.Length == 0)
            throw new InvalidDataException($"{path} is empty; a table needs at least one row.");

        var between = separator ?? Known.MaxBy(candidate => lines[0].Text.Count(c => c == candidate));
        var first = Fields(path, lines[0], between);
        var named = header ?? first.Any(field => !IsNumber(field));
        string[] columns = named ? first : [.. first.Select((_, i) => (i + 1).ToString(CultureInfo.InvariantCulture))];
        if (columns.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidDataException(
                $"{path}, line {lines[0].Number}: two columns have the name {Show(twice.Key)}; rename one of them."
            );
        return (columns, named, between);
    }

    static double[] Numbers(string path, (string Text, int Number) line, char separator, string[] columns)
    {
        var fields = Fields(path, line, separator);
        if (fields.Length != columns.Length)
            throw new InvalidDataException(
                $"{path}, line {line.Number}: {fields.Length} fields, but the table has {columns.Length} columns, "
                    + $"with the separator {Show(separator.ToString())}; "
                    + "if that is the wrong separator, set data.separator."
            );
        return
        [
            .. fields.Select(
                (field, i) =>
                    IsNumber(field)
                        ? Parse(field)
                        : throw new InvalidDataException(
                            $"{path}, line {line.Number}, column {i + 1} ({columns[i]}): "
                                + $"{(field.Length == 0 ? "the field is empty" : $"{Show(field)} is not a finite number")}; "
                                + "drop the column with data.drop, or remove the row from the file."
                        )
            ),
        ];
    }

    static bool IsNumber(string field) =>
        double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number);

    static double Parse(string field) => double.Parse(field, NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>Splits a line. A separator inside quotes is text; a quote inside quotes is written twice.</summary>
    static string[] Fields(string path, (string Text, int Number) line, char separator)
    {
        var (fields, field, quoted) = (new List<string>(), new System.Text.StringBuilder(), false);
        for (var i = 0; i < line.Text.Length; i++)
        {
            var c = line.Text[i];
            if (c == '"' && quoted && i + 1 < line.Text.Length && line.Text[i + 1] == '"')
                field.Append(line.Text[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == separator && !quoted)
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
            }
            else
                field.Append(c);
        }
        if (quoted)
            throw new InvalidDataException($"{path}, line {line.Number}: a quote is not closed.");
        return [.. fields, field.ToString().Trim()];
    }

    static string Show(string text) => $"\"{text.Replace("\t", "\\t")}\"";
}
