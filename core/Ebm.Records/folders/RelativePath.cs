namespace Ebm.Records;

/// <summary>
/// A path that stays inside the folder that it is relative to: parts separated by forward slashes, none of them empty, "." or "..", without backslashes
/// and control characters. Paths that a file names, such as those of a manifest, become one before they are used. There is no other way to make one
/// than <see cref="Try"/> and <see cref="Parse"/>.
/// </summary>
public sealed record RelativePath
{
    readonly string text;

    RelativePath(string text) => this.text = text;

    /// <summary>The path, or null if the text is not a valid one.</summary>
    public static RelativePath? Try(string? text) =>
        text is not null && text.All(c => c != '\\' && !char.IsControl(c)) && text.Split('/').All(part => part is not ("" or "." or ".."))
            ? new(text)
            : null;

    /// <summary>The path.</summary>
    /// <param name="whose">Where the text was read, such as a manifest's path, for the error.</param>
    /// <exception cref="InvalidDataException">The text is not a valid path.</exception>
    public static RelativePath Parse(string? text, string whose) =>
        Try(text)
        ?? throw new InvalidDataException(
            $"{whose}: {JsonText.LineOf(text)} is not a valid path; a path here is relative, with forward slashes, and has no empty part, no . and no "
                + "..: it stays inside its folder."
        );

    /// <summary>The path below a folder. Links on the way are followed, as in a data folder whose parts are on other disks.</summary>
    public string In(string folder) => Path.Combine(folder, text);

    /// <summary>The path below a folder in which nothing may be a link, such as a run's.</summary>
    /// <exception cref="InvalidDataException">The file, or a folder on the way to it, is a link.</exception>
    public string WithoutLinks(string folder)
    {
        var path = folder;
        foreach (var part in text.Split('/'))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
                throw new InvalidDataException($"{path}: it is a link, which may lead outside {folder}.");
        }
        return path;
    }

    public override string ToString() => text;
}
