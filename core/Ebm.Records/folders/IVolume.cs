namespace Ebm.Records;

/// <summary>
/// Files in memory that several simulated machines see, each below a folder of the root of its own. The calls behave as the system's do, and throw
/// what <see cref="File"/> and <see cref="Directory"/> throw. See <see cref="Disk"/>.
/// </summary>
public interface IVolume
{
    /// <summary>An absolute path with a slash at its end, such as <c>/simulated-1/</c>.</summary>
    string Root { get; }

    string Machine(string path);

    DateTime Now(string path);

    IDisposable Every(string path, TimeSpan period, Action action);

    bool HasFile(string path);

    bool HasFolder(string path);

    string[] Folders(string path, string pattern);

    string[] Files(string path, string pattern);

    DateTime Written(string path);

    long Length(string path);

    /// <param name="isNew">The folder must not exist, and its parent must; else missing parents are created.</param>
    void MakeFolder(string path, bool isNew);

    /// <summary>Renames a file or a folder, as rename(2) does.</summary>
    void Move(string from, string to);

    /// <summary>Deletes a file, or a folder with everything in it.</summary>
    void Delete(string path);

    /// <param name="isAlone">No other process of this machine may have the file open.</param>
    Stream Open(string path, FileMode mode, bool isAlone);

    /// <summary>Syncs a file, or a folder's entries.</summary>
    void Sync(string path);
}
