using System.Globalization;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>What a reader does with a column.</summary>
enum Use
{
    /// <summary>Each field is a finite number.</summary>
    Number,

    /// <summary>Each field is a text, whose place among the column's values is its code.</summary>
    Code,

    /// <summary>The fields are not read.</summary>
    None,
}

/// <summary>
/// A text table: one line for each row, one separator between fields, which may be quoted. Unless the caller says whether there is a header, the
/// first line is one if no field of it is a number, and none if all are. No value is guessed or filled in: a field that is not what its column needs
/// is an error with file, line and column, and rows with missing values are counted, and refused or left out.
/// </summary>
/// <param name="Columns">The names of the columns that are used, in the file's order: the header's, or 1, 2, … without a header.</param>
/// <param name="Rows">Rows with a number for each of these columns.</param>
/// <param name="Values">The values of each coded column. The code of a value is its place: numbers are in their order, texts in ordinal
/// order.</param>
sealed record Delimited(string[] Columns, double[][] Rows, IReadOnlyDictionary<string, IReadOnlyList<string>> Values)
{
    static readonly char[] Known = [',', ';', '\t', '|'];

    // What other programs write for a value that they do not have.
    static readonly string[] Missing = ["na", "n/a", "nan", "null", "none", "?"];

    // Columns that one sentence names.
    const int MostNamed = 8;

    // A longer line is not one of a table; in characters.
    const int LongestLine = 1 << 20;

    /// <summary>The most values of a coded column; a column with more is a name or a number of a row.</summary>
    internal const int MostValues = 256;

    /// <param name="separator">Null chooses the most frequent of comma, semicolon, tab and bar in the first line.</param>
    /// <param name="header">Whether the first line names the columns; null decides by its fields.</param>
    /// <param name="uses">The use of each column, from their names.</param>
    /// <param name="missing">What becomes of rows with missing values.</param>
    /// <param name="most">At most so many lines are read.</param>
    /// <exception cref="InvalidDataException">A line is not valid; the message has the line and the reason.</exception>
    public static Delimited Read(
        string path,
        char? separator,
        bool? header,
        Func<string[], Use[]> uses,
        MissingValues missing,
        int most = int.MaxValue
    )
    {
        var lines = Lines(path).Take(most).ToArray();
        var (columns, named, between) = Head(path, lines, separator, header);
        var used = uses(columns);
        var codes = columns.Select(_ => new Dictionary<string, int>(StringComparer.Ordinal)).ToArray();
        var (seen, gaps, first, counts) = (0, 0, 0, new int[columns.Length]);
        List<double[]> rows = [];
        foreach (var line in lines.Skip(named ? 1 : 0))
        {
            var texts = Texts(path, line, between, columns, used, isFirst: seen++ == 0);
            if (!HasGap(texts, used, counts))
                rows.Add(Numbers(path, line.Number, texts, columns, used, codes));
            else if (gaps++ == 0)
                first = line.Number;
        }
        if (seen == 0)
            throw new InvalidDataException($"{path} has a header but no rows.");
        var isWhole = lines.Length < most;
        if (gaps > 0 && (missing == MissingValues.Refuse || rows.Count == 0 && isWhole))
        {
            var within = !isWhole ? FormattableString.Invariant($"in the first {most} lines, ") : "";
            throw new InvalidDataException($"{path}: {within}{Gaps(gaps, first, counts, columns, used, missing)}");
        }
        var kept = Enumerable.Range(0, columns.Length).Where(i => used[i] != Use.None).ToArray();
        var values = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var (place, i) in kept.Index())
            if (used[i] == Use.Code)
                values[columns[i]] = InOrder(rows, place, [.. codes[i].Keys]);
        return new([.. kept.Select(i => columns[i])], [.. rows], values);
    }

    /// <summary>Orders the values of a column, given in the order of their appearance, and replaces their codes by their places in the new
    /// order.</summary>
    static string[] InOrder(IEnumerable<double[]> rows, int place, string[] values)
    {
        var order = values.All(IsNumber) ? values.OrderBy(Parse).ToArray() : [.. values.Order(StringComparer.Ordinal)];
        var rank = values.Select(value => (double)Array.IndexOf(order, value)).ToArray();
        foreach (var row in rows)
            row[place] = rank[(int)row[place]];
        return order;
    }

    static IEnumerable<(string Text, int Number)> Lines(string path) =>
        RegularFile
            .Lines(path, LongestLine)
            .Select((text, i) => (Text: text.TrimStart('\ufeff'), Number: i + 1))
            .Where(line => line.Text.Trim().Length > 0);

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
        if (header is null && first.Any(IsNumber) && !first.All(IsNumber))
            throw new InvalidDataException(
                $"{path}, line {lines[0].Number} has numbers and texts ({string.Join(between, first)}), so it is not clear whether it names the "
                    + "columns; write data.header=true if it does, and data.header=false if it is a row."
            );
        var named = header ?? !IsNumber(first[0]);
        string[] columns = named ? first : [.. first.Select((_, i) => (i + 1).ToString(CultureInfo.InvariantCulture))];
        if (columns.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidDataException(
                $"{path}, line {lines[0].Number}: two columns have the name {Show(twice.Key)}; rename one of them."
            );
        return (columns, named, between);
    }

    /// <summary>The fields of a row.</summary>
    static string[] Texts(string path, (string Text, int Number) line, char separator, string[] columns, Use[] used, bool isFirst)
    {
        var fields = Fields(path, line, separator);
        if (fields.Length != columns.Length)
            throw new InvalidDataException(
                $"{path}, line {line.Number}: {fields.Length} fields, but the table has {columns.Length} columns, "
                    + $"with the separator {Show(separator.ToString())}; "
                    + "if that is the wrong separator, set data.separator."
            );
        var texts = Enumerable.Range(0, fields.Length).Where(i => used[i] == Use.Number && IsText(fields[i])).ToArray();
        // In the first row it is the column that has text, in a later one it is the field.
        if (isFirst && texts.Length > 0)
            throw new InvalidDataException(
                $"{path}, line {line.Number}: {(texts.Length == 1 ? "the column" : "the columns")} {string.Join(", ", texts.Select(i => columns[i]))} "
                    + $"{(texts.Length == 1 ? "has" : "have")} text ({string.Join(", ", texts.Select(i => Show(fields[i])))}); "
                    + $"{Remedy("drop", texts, columns)} leaves {(texts.Length == 1 ? "it" : "them")} out, and {Remedy("code", texts, columns)} reads "
                    + "the texts as the codes 0, 1, 2 and so on"
            );
        return fields;
    }

    /// <summary>Whether a used column has no value in this row; the columns without one are counted.</summary>
    static bool HasGap(string[] texts, Use[] used, int[] counts)
    {
        var has = false;
        for (var i = 0; i < texts.Length; i++)
            if (used[i] != Use.None && texts[i].Length == 0 || used[i] == Use.Number && IsMissing(texts[i]))
            {
                counts[i]++;
                has = true;
            }
        return has;
    }

    /// <summary>The number of each used field of a row without missing values.</summary>
    static double[] Numbers(string path, int line, string[] texts, string[] columns, Use[] used, Dictionary<string, int>[] codes) =>
        [
            .. Enumerable
                .Range(0, columns.Length)
                .Where(i => used[i] != Use.None)
                .Select(i =>
                    used[i] == Use.Code
                        ? Code(codes[i], texts[i])
                            ?? throw new InvalidDataException(
                                $"{path}: the column {columns[i]} has more than {MostValues} different values, too many to code; "
                                    + $"leave it out with {Remedy("drop", [i], columns)}."
                            )
                    : IsNumber(texts[i]) ? Parse(texts[i])
                    : throw new InvalidDataException(
                        $"{path}, line {line}, column {i + 1} ({columns[i]}): {Show(texts[i])} is not a finite number; correct it, leave "
                            + $"the column out with {Remedy("drop", [i], columns)}, or, if the column has texts, code them with "
                            + $"{Remedy("code", [i], columns)}."
                    )
                ),
        ];

    /// <summary>Says how many rows have missing values, in which columns, and how to leave them out.</summary>
    static string Gaps(int rows, int first, int[] counts, string[] columns, Use[] used, MissingValues missing)
    {
        var which = Enumerable.Range(0, columns.Length).Where(i => counts[i] > 0).ToArray();
        var shown = string.Join(", ", which.Take(MostNamed).Select(i => $"{counts[i]} in {columns[i]}"));
        var more = which.Length > MostNamed ? $", and others in {which.Length - MostNamed} more columns" : "";
        var says = $"{rows} {(rows == 1 ? "row has" : "rows have")} missing values: {shown}{more}, the first in line {first}; ";
        // Dropping all columns is not allowed, nor all rows.
        var columnsOut =
            which.Length <= MostNamed && which.Length < used.Count(use => use != Use.None)
                ? $"{Remedy("drop", which, columns)} leaves {(which.Length == 1 ? "the column" : "the columns")} out"
                : "";
        return missing == MissingValues.Drop
            ? says + "without them no row is left" + (columnsOut == "" ? "." : $"; {columnsOut}.")
            : says
                + "they are not filled in: 'data.missing=drop' leaves out these rows"
                + (columnsOut == "" ? "." : $", and {columnsOut}.");
    }

    static double? Code(Dictionary<string, int> codes, string value) =>
        codes.TryGetValue(value, out var code) ? code
        : codes.Count == MostValues ? null
        : codes[value] = codes.Count;

    /// <summary>The override that names these columns, such as data.drop=[a,"b c"]. The quotes around it keep a shell from reading it.</summary>
    static string Remedy(string setting, int[] which, string[] columns) =>
        $"'data.{setting}=[{string.Join(",", which.Select(i => columns[i]).Select(name => name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && !IsNumber(name) ? name : $"\"{name}\""))}]'";

    static bool IsMissing(string field) => Missing.Contains(field, StringComparer.OrdinalIgnoreCase);

    static bool IsText(string field) =>
        field.Length > 0 && !IsMissing(field) && !double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

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
