using System.IO.Enumeration;

namespace Ebm.Records;

/// <summary>
/// Searches in folders that may contain links in circles. A search by .NET follows links, so that two circular ones never end.
/// </summary>
public static class FolderTree
{
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
