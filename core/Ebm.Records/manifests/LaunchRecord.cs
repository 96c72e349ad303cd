namespace Ebm.Records;

/// <summary>
/// <c>&lt;sweep&gt;/launches/&lt;hash&gt;.json</c>: what the runs of one launch have in common, determined once at launch: the sources, the script,
/// the command line. Each run gets the file's path and copies it into its manifest.
/// </summary>
/// <param name="Argv">The words of the command line.</param>
/// <param name="Git">The commit and the snapshot of the sources; null without git.</param>
/// <param name="Script">The script that declares the sweep; null if a program does.</param>
public sealed record LaunchRecord(IReadOnlyList<string> Argv, GitState? Git = null, ScriptState? Script = null) : Extensible
{
    /// <exception cref="InvalidDataException">The file is not a valid record of a launch; the message names it.</exception>
    public static LaunchRecord Read(string path) => JsonText.Read<LaunchRecord>(RegularFile.Text(path, RegularFile.Record), path);

    /// <summary>Writes the record below a sweep's folder, unless it exists; the same launch has the same file.</summary>
    /// <returns>The file's path.</returns>
    public string Write(string sweepFolder)
    {
        var text = JsonText.FileOf(this);
        var path = Path.Combine(sweepFolder, SweepFolder.Launches, Canonical.Sha256(text)[..12] + ".json");
        if (!Disk.HasFile(path))
        {
            Disk.MakeFolder(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, text);
        }
        return path;
    }
}
