using System.Security.Cryptography;
using System.Text;

namespace Ebm.Records;

/// <summary>The PNG and JPEG files in a folder and its sub-folders. Texts, hidden files and other files that are no pictures are ignored.</summary>
/// <param name="Path">The folder; it may be a link.</param>
/// <param name="Names">The paths of the files below the folder, with forward slashes, in ordinal order; at least one.</param>
public sealed record PictureFolder(string Path, IReadOnlyList<string> Names)
{
    /// <summary>The largest number of pictures.</summary>
    public const int Most = 2_000_000;

    static readonly string[] Known = [".png", ".jpg", ".jpeg"];
    static readonly string[] Others = [".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".svg"];

    /// <exception cref="InvalidDataException">It is not a folder, it has no pictures, one of another format, or a link to a folder; the message says what to
    /// do.</exception>
    public static PictureFolder Look(string path)
    {
        if (!Directory.Exists(path))
            throw new InvalidDataException(
                $"{path} is a file; name a folder with PNG or JPEG files, or an archive of them that ends in {Spelling.Either(Archives)}."
            );
        if (FolderTree.Folders(path).FirstOrDefault(below => new DirectoryInfo(below).LinkTarget is not null) is { } link)
            throw new InvalidDataException(
                $"{link} is a link to another folder, which is not searched; put the files themselves there, or remove the link."
            );
        var names = new List<string>();
        foreach (var file in FolderTree.Files(path))
        {
            var name = System.IO.Path.GetRelativePath(path, file);
            if (!Takes(name, file))
                continue;
            if (names.Count == Most)
                throw new InvalidDataException($"{path} has more than {Most} pictures; name a folder with fewer.");
            names.Add(name);
        }
        names.Sort(StringComparer.Ordinal);
        return names.Count > 0
            ? new(path, names)
            : throw new InvalidDataException($"{path} has no PNG or JPEG files; name a folder that has some.");
    }

    /// <summary>The endings of archives that are read like a folder.</summary>
    public static readonly string[] Archives = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz"];

    /// <summary>Whether a file is a picture to read; hidden files, texts and other files that are no pictures are not.</summary>
    /// <param name="name">Its path below the folder.</param>
    /// <param name="file">Its whole path, for errors.</param>
    /// <exception cref="InvalidDataException">It is a picture of another format, or has a name that a list of files cannot have.</exception>
    public static bool Takes(string name, string file)
    {
        if (name.Split('/').Any(part => part.StartsWith('.')))
            return false;
        var kind = System.IO.Path.GetExtension(name).ToLowerInvariant();
        if (Others.Contains(kind))
            throw new InvalidDataException(
                $"{file} is a picture in another format than PNG and JPEG; convert it to PNG, or remove it from the folder."
            );
        if (!Known.Contains(kind))
            return false;
        return RelativePath.Try(name) is not null
            ? true
            : throw new InvalidDataException($"{JsonText.LineOf(file)}: the name has a backslash or a control character; rename the file.");
    }

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The digest of the pictures' names and bytes.</summary>
    /// <param name="hash">SHA-256 of one file's bytes.</param>
    public string Digest(Func<string, string> hash) => DigestOf(Names.Select(name => (name, hash(PathOf(name)))));

    /// <summary>SHA-256 of one line per file, in the order of <see cref="Names"/>: of what <c>sha256sum</c> prints for them.</summary>
    public static string DigestOf(IEnumerable<(string Name, string Sha256)> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, sha256) in files)
            hash.AppendData(Line(name, sha256));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>"sha256  name" and a line break.</summary>
    public static byte[] Line(string name, string sha256) => Encoding.UTF8.GetBytes($"{sha256}  {name}\n");
}
