namespace Ebm.Records;

/// <summary>Suggests the word that a user probably meant: the nearest known one by edit distance (a transposition counts once), if it is near
/// enough; else a known one that is a part of the mistyped one, as steps of kernel_steps.</summary>
public static class Spelling
{
    // The table of edits grows with the product of both lengths.
    const int Longest = 100;

    /// <summary>The nearest of <paramref name="known"/>, if it is within a third of the word's length; else the last part of the word, between _,
    /// - and dots, that is known. Null if there is neither, or the word is very long.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        if (word.Length > Longest)
            return null;
        var nearest = known
            .Where(name => name.Length <= 2 * Longest)
            .Select(name => (Name: name, Edits: Edits(word.ToLowerInvariant(), name.ToLowerInvariant())))
            .OrderBy(candidate => candidate.Edits)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .FirstOrDefault();
        if (nearest.Name is null)
            return null;
        return nearest.Edits <= Math.Max(1, Math.Max(word.Length, nearest.Name.Length) / 3)
            ? nearest.Name
            : word.Split('_', '-', '.').LastOrDefault(part => part.Length > 2 && known.Contains(part));
    }

    /// <summary><c> (did you mean x?)</c> with a leading blank, or an empty text.</summary>
    public static string DidYouMean(string word, IEnumerable<string> known) =>
        Nearest(word, known) is { } name ? $" (did you mean {name}?)" : "";

    /// <summary><c>a, b or c</c>.</summary>
    public static string Either(IReadOnlyList<string> names) =>
        names.Count < 2 ? string.Concat(names) : $"{string.Join(", ", names.Take(names.Count - 1))} or {names[^1]}";

    // Optimal string alignment: insertions, deletions, replacements and swaps of adjacent characters.
    static int Edits(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            table[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            table[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        for (var j = 1; j <= b.Length; j++)
        {
            var replaced = table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            table[i, j] = Math.Min(replaced, 1 + Math.Min(table[i - 1, j], table[i, j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
        }
        return table[a.Length, b.Length];
    }
}
