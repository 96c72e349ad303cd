namespace Ebm.Records;

/// <summary>
/// The place of a data set's file or folder: below the data root, or else below the current folder, so that people can use their files where they
/// are. Configs and manifests name it by its path below that place, so a run's identity does not depend on the machine.
/// </summary>
public static class DataPlace
{
    const int Suggestions = 1000;

    /// <summary>The path below the data root; if nothing is there, the path below the current folder; if nothing is there either, the first.</summary>
    public static string Of(string dataRoot, RelativePath path)
    {
        var (below, here) = (path.In(dataRoot), path.In(Environment.CurrentDirectory));
        return !Path.Exists(below) && Path.Exists(here) ? here : below;
    }

    /// <summary>The path for a run that reads it: it exists, and only in one of the two places.</summary>
    /// <param name="setting">The setting that names it, for the error: file or folder.</param>
    /// <exception cref="FileNotFoundException">It is in neither place; the message says what to write.</exception>
    /// <exception cref="InvalidDataException">It is in both places.</exception>
    public static string Find(string dataRoot, RelativePath path, string setting)
    {
        var (below, here) = (Path.GetFullPath(path.In(dataRoot)), Path.GetFullPath(path.In(Environment.CurrentDirectory)));
        return (Path.Exists(below), Path.Exists(here)) switch
        {
            (true, true) when below != here => throw new InvalidDataException(
                $"{path} is in the data root, {below}, and in the current folder, {here}; rename one of them, so that it is clear which one is meant."
            ),
            (true, _) => below,
            (_, true) => here,
            _ => throw new FileNotFoundException(
                $"{below} is missing, and {path} is not in the current folder, {Environment.CurrentDirectory}, either"
                    + $"{Spelling.DidYouMean(path.ToString(), Names(dataRoot, setting).Concat(Names(Environment.CurrentDirectory, setting)))}; "
                    + $"name your {setting} with data.{setting}=…, put it into one of these places, or set the data root with --data or the variable EBM_DATA.",
                below
            ),
        };
    }

    /// <summary>The state of a file, or of a folder's pictures, as the manifest records it.</summary>
    /// <param name="name">The path below its place, with forward slashes.</param>
    public static DataFile Describe(string dataRoot, string name)
    {
        var path = Of(dataRoot, RelativePath.Parse(name, "a data set's file"));
        if (!Directory.Exists(path))
            return new(name, new FileInfo(path).Length, new FileInfo(path).LastWriteTimeUtc, DigestCache.Of(path));
        var folder = PictureFolder.Look(path);
        var (bytes, modified) = (0L, DateTime.MinValue);
        foreach (var picture in folder.Names)
        {
            var file = new FileInfo(folder.PathOf(picture));
            (bytes, modified) = (bytes + file.Length, file.LastWriteTimeUtc > modified ? file.LastWriteTimeUtc : modified);
        }
        return new(name, bytes, modified, DigestCache.Of(folder));
    }

    /// <summary>SHA-256 of a file's bytes, or of a folder's pictures (<see cref="PictureFolder.DigestOf"/>); null if nothing is there.</summary>
    /// <param name="hash">The hash of one file; null: of the cache.</param>
    public static string? Digest(string path, Func<string, string>? hash = null) =>
        Directory.Exists(path)
            ? PictureFolder.Look(path) is var folder && hash is null
                ? DigestCache.Of(folder)
                : folder.Digest(hash)
            : File.Exists(path)
                ? (hash ?? DigestCache.Of)(path)
                : null;

    static IEnumerable<string> Names(string folder, string setting)
    {
        try
        {
            return
            [
                .. (setting == "folder" ? Directory.EnumerateDirectories(folder) : Directory.EnumerateFiles(folder))
                    .Take(Suggestions)
                    .Select(path => Path.GetFileName(path)),
            ];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
