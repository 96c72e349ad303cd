using System.Globalization;

namespace Ebm.Data;

/// <summary>
/// A text table of numbers: a line a row, fields apart by one separator, quoted where they like. The first line names the columns where one
/// of its fields is no number, unless it is said whether it does. Nothing is guessed at or filled in: a field that is no finite number is
/// an error with file, line and column.
/// </summary>
/// <param name="Columns">The header's names, or 1, 2, … where there is none.</param>
/// <param name="Rows">Each as long as the columns.</param>
sealed record Delimited(string[] Columns, double[][] Rows)
{
    static readonly char[] Known = [',', ';', '\t', '|'];

    /// <param name="separator">Null finds it: of comma, semicolon, tab and bar the one that is most frequent in the first line.</param>
    /// <param name="header">Whether the first line names the columns; null looks.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is not what it should be; the message says which, and what is wrong.</exception>
    public static Delimited Read(string path, char? separator, bool? header)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"{path} is missing: put the table there, or say where the data root is with --data or the variable EBM_DATA.",
                path
            );
        var lines = File.ReadLines(path)
            .Select((text, i) => (Text: text.TrimStart('\ufeff'), Number: i + 1))
            .Where(line => line.Text.Trim().Length > 0)
            .ToArray();
        if (lines.Length == 0)
            throw new InvalidDataException($"{path} is empty: a table has rows.");

        var between = separator ?? Known.MaxBy(candidate => lines[0].Text.Count(c => c == candidate));
        var first = Fields(path, lines[0], between);
        var named = header ?? first.Any(field => !IsNumber(field));
        string[] columns = named ? first : [.. first.Select((_, i) => (i + 1).ToString(CultureInfo.InvariantCulture))];
        if (columns.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidDataException(
                $"{path}, line {lines[0].Number}: two columns are called {Show(twice.Key)}; give each a name of its own."
            );
        var rows = lines.Skip(named ? 1 : 0).Select(line => Numbers(path, line, between, columns)).ToArray();
        return rows.Length > 0 ? new(columns, rows) : throw new InvalidDataException($"{path} has a header and no rows.");
    }

    static double[] Numbers(string path, (string Text, int Number) line, char separator, string[] columns)
    {
        var fields = Fields(path, line, separator);
        if (fields.Length != columns.Length)
            throw new InvalidDataException(
                $"{path}, line {line.Number}: {fields.Length} fields where there are {columns.Length} columns, "
                    + $"separated by {Show(separator.ToString())}; "
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
                                + $"{(field.Length == 0 ? "the field is empty" : $"{Show(field)} is no finite number")}; "
                                + "drop the column with data.drop, or take the row out of the file."
                        )
            ),
        ];
    }

    static bool IsNumber(string field) =>
        double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number);

    static double Parse(string field) => double.Parse(field, NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>A separator between quotes separates nothing; a quote within quotes is written twice.</summary>
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
            throw new InvalidDataException($"{path}, line {line.Number}: a quote is opened and not closed.");
        return [.. fields, field.ToString().Trim()];
    }

    static string Show(string text) => $"\"{text.Replace("\t", "\\t")}\"";
}
