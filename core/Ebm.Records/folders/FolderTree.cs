using System.IO.Enumeration;

namespace Ebm.Records;

/// <summary>
/// Searches in folders that may be anything: with links in circles, with folders that cannot be read, or a whole disk. A search by .NET follows
/// links, so that two circular ones never end.
/// </summary>
public static class FolderTree
{
    // A search that meets more folders is a mistake, such as / instead of the folder of runs.
    const int Most = 20_000;

    /// <summary>The folders for which <paramref name="wanted"/> holds: the folder itself, or in and below it, in ordinal order; none of them is below
    /// another. Links are followed, but no folder is entered twice; folders that cannot be read are passed over.</summary>
    /// <exception cref="InvalidDataException">There are too many folders.</exception>
    public static IEnumerable<string> Topmost(string path, Func<string, bool> wanted)
    {
        var entered = new HashSet<((uint, uint), ulong)>();
        var left = new Stack<string>([path]);
        while (left.TryPop(out var folder))
            if (wanted(folder))
                yield return folder;
            else if (FileStatus.Of(folder) is not { Kind: FileKind.Folder } status || entered.Add((status.Disk, status.Inode)))
            {
                if (entered.Count > Most)
                    throw new InvalidDataException(
                        $"{path}: there are more than {Most} folders in and below it; name the folder of runs, which contains one folder for each sweep."
                    );
                foreach (var below in In(folder).OrderDescending(StringComparer.Ordinal))
                    left.Push(below);
            }
    }

    static string[] In(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether a folder is also one of the folders that contain it, through a link: a search that enters it never ends.</summary>
    public static bool IsCircular(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is null || FileStatus.Of(folder) is not { } status)
            return false;
        for (var above = Path.GetDirectoryName(Path.GetFullPath(folder)); above is not null; above = Path.GetDirectoryName(above))
            if (FileStatus.Of(above) is { } other && (other.Disk, other.Inode) == (status.Disk, status.Inode))
                return true;
        return false;
    }

    /// <summary>Every file in and below a folder, links to files included; folders that are links are not entered.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static IEnumerable<string> Files(string folder) => Entries(folder, folders: false);

    /// <summary>Every folder below a folder, those that are links included; these are not entered.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static IEnumerable<string> Folders(string folder) => Entries(folder, folders: true);

    static FileSystemEnumerable<string> Entries(string folder, bool folders) =>
        new(
            folder,
            (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(),
            new EnumerationOptions
            {
                RecurseSubdirectories = true,
                AttributesToSkip = 0,
                IgnoreInaccessible = false,
            }
        )
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => entry.IsDirectory == folders,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
}
