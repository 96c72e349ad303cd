using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// A name that may become a folder: of a sweep, of a run. It is exactly one part of a path, and safe in every folder, on every command line and in
/// every text: ASCII letters, digits, points, hyphens and underscores; the first is a letter, a digit or an underscore; at most <see
/// cref="Longest"/> characters, so that a suffix fits. There is no other way to make one than <see cref="Try"/> and <see cref="Parse"/>.
/// </summary>
public sealed partial record FolderName
{
    /// <summary>In characters; file systems allow 255 bytes.</summary>
    public const int Longest = 100;

    /// <summary>What a name must be, as the end of a sentence.</summary>
    public static readonly string Form =
        $"a folder name of 1 to {Longest} letters, digits, points, hyphens and underscores that begins with a letter, a digit or an underscore";

    readonly string text;

    FolderName(string text) => this.text = text;

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Valid();

    /// <summary>The name, or null if the text is not a valid one.</summary>
    public static FolderName? Try(string text) => text.Length <= Longest && Valid().IsMatch(text) ? new(text) : null;

    /// <summary>The name.</summary>
    /// <param name="source">Where the text was written, for the error.</param>
    /// <param name="what">What it names, such as "a sweep's name", for the error.</param>
    /// <exception cref="ConfigException">The text is not a valid name.</exception>
    public static FolderName Parse(string text, Source source, string what) =>
        Try(text) ?? throw new ConfigException(source, "", $"{what} must be {Form}.");

    /// <summary>The path of the folder of this name in another folder.</summary>
    public string In(string folder) => Path.Combine(folder, text);

    public override string ToString() => text;
}
