using System.Text;

namespace Ebm.Records;

/// <summary>
/// The layout of a run's folder; all readers of runs use this class. Files are written atomically (temporary file, fsync, rename, fsync of the
/// folder); files that grow by lines tolerate a torn last line.
/// </summary>
public sealed partial class RunFolder
{
    const string Hashed = "config.json";

    /// <summary>The folder of files that are not complete yet; null without a claim.</summary>
    readonly string? staging;

    RunFolder(string path, string? staging = null) =>
        (Path, this.staging) = (System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path)), staging);

    /// <summary>The folder, an absolute path.</summary>
    public string Path { get; }

    /// <summary>The run's id: the folder's name.</summary>
    public string Id => System.IO.Path.GetFileName(Path);

    /// <summary>The name of the sweep: the name of the folder above.</summary>
    public string Sweep => System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(Path)!);

    public override string ToString() => Path;

    /// <summary>The path of a file or folder of the run.</summary>
    public string In(params string[] names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>
    /// Creates the folder of a run with its <c>config.yaml</c> and <c>config.json</c>; opens an existing folder if it has the same config.
    /// </summary>
    /// <param name="sweepFolder">Usually <c>runs/&lt;sweep&gt;</c>; created if it is missing.</param>
    /// <param name="id">The run's id, which ends in the first 12 digits of the SHA-256 of <paramref name="hashed"/>.</param>
    /// <param name="config">The resolved config, including every default.</param>
    /// <param name="hashed">The canonical JSON of its identity.</param>
    /// <exception cref="InvalidDataException">The id does not end in the hash, or the folder has another config.</exception>
    /// <exception cref="ConfigException">A value of the config looks like a secret; nothing is written.</exception>
    public static RunFolder Create(string sweepFolder, string id, Document config, string hashed)
    {
        if (FolderName.Try(id) is null)
            throw new InvalidDataException($"{JsonText.LineOf(id)}: a run's id must be {FolderName.Form}.");
        if (!EndsInHashOf(id, Encoding.UTF8.GetBytes(hashed)))
            throw new InvalidDataException(
                $"{id}: a run's id ends in the first 12 digits of its config's SHA-256, which are {Canonical.Sha256(hashed)[..12]}."
            );
        Secrets.Here.RefuseIn(config);
        var folder = new RunFolder(System.IO.Path.Combine(sweepFolder, id));
        Disk.MakeFolder(folder.Path);
        // The hashed text is written last: a folder that contains it is a run's folder.
        if (!Disk.HasFile(folder.In(Hashed)))
        {
            AtomicFile.Write(folder.In("config.yaml"), config.ToYaml());
            AtomicFile.Write(folder.In(Hashed), hashed);
            Disk.SyncFolder(sweepFolder);
        }
        else if (folder.ConfigJson != hashed)
            throw new InvalidDataException(
                $"{folder.In(Hashed)}: the folder contains another config than the one to run; it was changed, or the hashes of two configs share 12 digits."
            );
        return folder;
    }

    /// <summary>Opens the folder of an existing run.</summary>
    /// <exception cref="DirectoryNotFoundException">It does not exist or is not a run; the message says which.</exception>
    public static RunFolder Open(string path)
    {
        if (IsRun(path))
            return new(path);
        throw new DirectoryNotFoundException(
            !Disk.HasFolder(path)
                ? $"{path}: there is no such folder; a run is a folder <runs>/<sweep>/<run id>."
                : $"{path}: this folder is not a run, it has no {Hashed}; a run is a folder <runs>/<sweep>/<run id>."
        );
    }

    /// <summary>Every run in or below a folder (a run itself, a sweep's folder, the folder of all sweeps), ordered by path; none if the folder is
    /// missing. <see cref="RunTree"/> decides what a run is.</summary>
    public static IEnumerable<RunFolder> Under(string path) => RunTree.Look(path).Select(found => found.Run).OfType<RunFolder>();

    /// <summary>The folder at a path, which may not be a run.</summary>
    internal static RunFolder At(string path) => new(path);

    static bool IsRun(string path) => Disk.HasFile(System.IO.Path.Combine(path, Hashed));

    static bool EndsInHashOf(string id, byte[] hashed) => id.EndsWith("-" + Canonical.Sha256(hashed)[..12], StringComparison.Ordinal);

    // ── config and manifest ───────────────────────────────────────────────────────────────────

    /// <summary>The resolved config.</summary>
    /// <exception cref="ConfigException">The file is missing or not YAML.</exception>
    public Document Config => Document.Read(In("config.yaml"));

    /// <summary>The canonical JSON that was hashed.</summary>
    public string ConfigJson => RegularFile.Text(In(Hashed), RegularFile.Record);

    /// <summary>SHA-256 of the current <c>config.json</c>.</summary>
    public string ConfigSha256 => Canonical.Sha256OfFile(In(Hashed));

    /// <summary>False if <c>config.json</c> or the folder's name was changed.</summary>
    public bool IdentityHolds => EndsInHashOf(Id, RegularFile.Bytes(In(Hashed), RegularFile.Record));

    /// <summary>The current manifest; null without one.</summary>
    /// <exception cref="InvalidDataException">The file is not a valid manifest.</exception>
    public RunManifest? Manifest
    {
        get
        {
            try
            {
                return RunManifest.Read(In("manifest.json")).Manifest;
            }
            catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
            {
                return null;
            }
            catch (UnauthorizedAccessException error)
            {
                throw new InvalidDataException($"{In("manifest.json")}: it cannot be read, or is a folder.", error);
            }
        }
    }

    /// <summary>Writes the manifest, sealed by its own hash and by that of an earlier attempt, if any; for a run that has ended, it includes the
    /// current artefacts.</summary>
    /// <exception cref="FencedException">Another process has taken over the run.</exception>
    public void Write(RunManifest manifest) =>
        Publish(() =>
        {
            var last = Attempts().LastOrDefault(attempt => attempt.Attempt < manifest.Attempt);
            var whole = manifest with { Artefacts = RunStates.IsOver(manifest.State) ? Artefacts() : [], PrevHash = last?.Hash };
            Write("manifest.json", whole.Sealed().ToJson());
        });

    /// <summary>The manifest's state; "pending" without a manifest.</summary>
    public RunState State => Manifest?.State ?? RunState.Pending;

    /// <summary>The current paths, hashes and sizes of the artefacts: everything except manifest, logs and earlier attempts.</summary>
    public IReadOnlyList<Artefact> Artefacts() =>
        ArtefactNames()
            .Select(name => (Name: name, Path: In(name)))
            .Select(found => (found.Name, found.Path, Length: Disk.Length(found.Path)))
            // Files without a length are not opened: reading a pipe would block.
            .Select(found => new Artefact(
                found.Name,
                found.Length == 0 ? Canonical.Sha256("") : Canonical.Sha256OfFile(found.Path),
                found.Length
            ))
            .ToList();

    /// <summary>The files of a run that must not change after its end, in ordinal order, as relative paths with forward slashes.</summary>
    public IReadOnlyList<string> ArtefactNames() =>
        Visible()
            .Select(file => System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'))
            .Where(name => !name.Split('/').Any(part => part.StartsWith('.')))
            .Where(name => name is not ("manifest.json" or "stdout.log" or "stderr.log"))
            .Where(name => name.Split('/')[0] is not ("attempts" or "checkpoint.next" or "checkpoint.previous"))
            .Order(StringComparer.Ordinal)
            .ToList();

    /// <summary>The files in and below the folder, without those in hidden folders, such as the staging folder of another process, which may
    /// vanish meanwhile.</summary>
    IEnumerable<string> Visible() =>
        Disk.Files(Path)
            .Concat(
                Disk.Folders(Path)
                    .Where(folder => System.IO.Path.GetFileName(folder)[0] != '.' && !Disk.IsLink(folder))
                    .SelectMany(Disk.Tree)
            );

    // ── any file ──────────────────────────────────────────────────────────────────────────────

    /// <summary>Writes any other file of the run atomically; missing folders are created.</summary>
    /// <exception cref="DirectoryNotFoundException">The run's folder was deleted; it is not made again.</exception>
    public void Write(string name, Action<Stream> content) =>
        Publish(() =>
        {
            if (!Disk.HasFolder(Path))
                throw new DirectoryNotFoundException($"{Path}: the folder of the run was deleted or moved.");
            Disk.MakeFolder(System.IO.Path.GetDirectoryName(In(name))!);
            AtomicFile.Write(In(name), content, staging);
        });

    void Write(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Deletes a file or a folder of the run atomically, if it exists.</summary>
    public void Remove(string name) =>
        Publish(() =>
        {
            var gone = Staged($".{name}.gone");
            if (Disk.HasFolder(In(name)))
            {
                Disk.MoveFolder(In(name), gone);
                Disk.DeleteFolder(gone);
            }
            else if (Disk.HasFile(In(name)))
            {
                Disk.MoveFile(In(name), gone);
                Disk.DeleteFile(gone);
            }
        });
}
