using System.Text;

namespace Ebm.Records;

/// <summary>The PNG and JPEG files in a folder and its sub-folders. Texts, hidden files and other files that are no pictures are ignored.</summary>
/// <param name="Path">The folder; it may be a link.</param>
/// <param name="Names">The paths of the files below the folder, with forward slashes, in ordinal order; at least one.</param>
public sealed record PictureFolder(string Path, IReadOnlyList<string> Names)
{
    const int Most = 2_000_000;

    static readonly string[] Known = [".png", ".jpg", ".jpeg"];
    static readonly string[] Others = [".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".svg"];

    /// <exception cref="InvalidDataException">It is not a folder, it has no pictures, one of another format, or a link to a folder; the message says what to
    /// do.</exception>
    public static PictureFolder Look(string path)
    {
        if (!Directory.Exists(path))
            throw new InvalidDataException($"{path} is a file; name a folder with PNG or JPEG files.");
        if (FolderTree.Folders(path).FirstOrDefault(below => new DirectoryInfo(below).LinkTarget is not null) is { } link)
            throw new InvalidDataException(
                $"{link} is a link to another folder, which is not searched; put the files themselves there, or remove the link."
            );
        var names = new List<string>();
        foreach (var file in FolderTree.Files(path))
        {
            var name = System.IO.Path.GetRelativePath(path, file);
            if (name.Split('/').Any(part => part.StartsWith('.')))
                continue;
            var kind = System.IO.Path.GetExtension(name).ToLowerInvariant();
            if (Others.Contains(kind))
                throw new InvalidDataException(
                    $"{file} is a picture in another format than PNG and JPEG; convert it to PNG, or remove it from the folder."
                );
            if (!Known.Contains(kind))
                continue;
            if (RelativePath.Try(name) is null)
                throw new InvalidDataException(
                    $"{JsonText.LineOf(file)}: the name has a backslash or a control character; rename the file."
                );
            if (names.Count == Most)
                throw new InvalidDataException($"{path} has more than {Most} pictures; name a folder with fewer.");
            names.Add(name);
        }
        names.Sort(StringComparer.Ordinal);
        return names.Count > 0
            ? new(path, names)
            : throw new InvalidDataException($"{path} has no PNG or JPEG files; name a folder that has some.");
    }

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The digest of the pictures' names and bytes.</summary>
    /// <param name="hash">SHA-256 of one file's bytes; by default from the cache.</param>
    public string Digest(Func<string, string>? hash = null) =>
        DigestOf(Names.Select(name => (name, (hash ?? DigestCache.Of)(PathOf(name)))));

    /// <summary>SHA-256 of one line per file, "sha256  name", in the order of <see cref="Names"/>: what <c>sha256sum</c> prints for them.</summary>
    public static string DigestOf(IEnumerable<(string Name, string Sha256)> files)
    {
        var lines = new StringBuilder();
        foreach (var (name, sha256) in files)
            lines.Append(sha256).Append("  ").Append(name).Append('\n');
        return Canonical.Sha256(lines.ToString());
    }
}
