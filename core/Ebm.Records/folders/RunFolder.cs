using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// A run is a folder, and this is its layout: who reads a run reads this, and nothing else. What is written here is written whole or not at all
/// (temporary file, fsync, rename, fsync of the folder); the files that grow by lines tolerate a torn last line.
/// </summary>
/// <remarks>
/// Who has claimed the run writes through a staging folder of its own (<see cref="Taken"/>). Taking the run over moves that folder away, and
/// from then on each rename out of it fails, in the file system itself: a process that was thought dead publishes nothing, at whichever
/// instruction it wakes up.
/// </remarks>
public sealed partial class RunFolder
{
    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ArrayName();

    const string Hashed = "config.json";

    const string Stagings = ".staging-*",
        Next = ".next",
        Previous = ".previous";

    /// <summary>Where things lie until they are whole; null without a claim.</summary>
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

    // ── found and made ────────────────────────────────────────────────────────────────────────

    /// <summary>
    /// The folder of a run with its <c>config.yaml</c> and <c>config.json</c>; one that exists already is opened, if it is of the same config.
    /// </summary>
    /// <param name="sweepFolder">Usually <c>runs/&lt;sweep&gt;</c>; made when it is missing.</param>
    /// <param name="id">The run's id, which ends in the first 12 digits of the SHA-256 of <paramref name="hashed"/>.</param>
    /// <param name="config">The resolved config, every default written out.</param>
    /// <param name="hashed">The canonical JSON of its identity.</param>
    /// <exception cref="InvalidDataException">The id is not the hash's, or the folder holds another config.</exception>
    public static RunFolder Create(string sweepFolder, string id, Document config, string hashed)
    {
        if (!EndsInHashOf(id, Encoding.UTF8.GetBytes(hashed)))
            throw new InvalidDataException(
                $"{id}: a run's id ends in the first 12 digits of its config's SHA-256, which are {Canonical.Sha256(hashed)[..12]}."
            );
        var folder = new RunFolder(System.IO.Path.Combine(sweepFolder, id));
        Directory.CreateDirectory(folder.Path);
        // The hashed text comes last: a folder that has it is a run's.
        if (!File.Exists(folder.In(Hashed)))
        {
            AtomicFile.Write(folder.In("config.yaml"), config.ToYaml());
            AtomicFile.Write(folder.In(Hashed), hashed);
            AtomicFile.SyncFolder(sweepFolder);
        }
        else if (folder.ConfigJson != hashed)
            throw new InvalidDataException(
                $"{folder.In(Hashed)}: the folder holds another config than the one that is to run there; it was altered, or two configs share 12 digits."
            );
        return folder;
    }

    /// <summary>The folder of a run that exists.</summary>
    /// <exception cref="DirectoryNotFoundException">There is none; the sentence says what is there.</exception>
    public static RunFolder Open(string path)
    {
        if (IsRun(path))
            return new(path);
        throw new DirectoryNotFoundException(
            !Directory.Exists(path)
                ? $"{path}: there is no such folder; a run is a folder <runs>/<sweep>/<run id>."
                : $"{path}: this folder is not a run, it has no {Hashed}; a run is a folder <runs>/<sweep>/<run id>."
        );
    }

    /// <summary>Every run in or below a folder (a run itself, a sweep's folder, the folder of all sweeps), in the order of their paths; none when the folder is missing.</summary>
    public static IEnumerable<RunFolder> Under(string path) =>
        IsRun(path) ? [new(path)]
        : !Directory.Exists(path) ? []
        : Directory.GetDirectories(path).Order(StringComparer.Ordinal).SelectMany(Under);

    static bool IsRun(string path) => File.Exists(System.IO.Path.Combine(path, Hashed));

    static bool EndsInHashOf(string id, byte[] hashed) => id.EndsWith("-" + Canonical.Sha256(hashed)[..12], StringComparison.Ordinal);

    // ── taken and given back ──────────────────────────────────────────────────────────────────

    /// <summary>This folder for the one process that holds its lease; whoever had taken it before publishes nothing any more.</summary>
    public RunFolder Taken()
    {
        foreach (var left in Directory.GetDirectories(Path, Stagings))
        {
            // Moved first: what is deleted file by file could still be renamed out of.
            var gone = left.EndsWith(".gone", StringComparison.Ordinal) ? left : left + ".gone";
            if (gone != left)
                Directory.Move(left, gone);
            foreach (var previous in Directory.GetDirectories(gone, "*" + Previous))
                if (In(System.IO.Path.GetFileName(previous)[..^Previous.Length]) is var current && !Directory.Exists(current))
                    Directory.Move(previous, current);
            Directory.Delete(gone, recursive: true);
        }
        var own = In(Stagings[..^1] + Guid.NewGuid().ToString("n")[..12]);
        Directory.CreateDirectory(own);
        return new(Path, own);
    }

    /// <summary>Gives back what <see cref="Taken"/> took.</summary>
    public void Release()
    {
        if (Directory.Exists(staging))
            Directory.Delete(staging, recursive: true);
    }

    /// <exception cref="FencedException">Another process has taken the run over.</exception>
    void Fence()
    {
        if (staging is not null && !Directory.Exists(staging))
            throw new FencedException("another process has taken this run over, so this one publishes nothing any more");
    }

    /// <exception cref="FencedException">Another process has taken the run over.</exception>
    void Publish(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            Fence();
            throw;
        }
    }

    string Staged(string name) => System.IO.Path.Combine(staging ?? Path, name);

    // ── config and manifest ───────────────────────────────────────────────────────────────────

    /// <summary>The resolved config.</summary>
    /// <exception cref="ConfigException">The file is missing or not YAML.</exception>
    public Document Config => Document.Read(In("config.yaml"));

    /// <summary>The canonical JSON that was hashed.</summary>
    public string ConfigJson => File.ReadAllText(In(Hashed));

    /// <summary>SHA-256 of <c>config.json</c> as it lies there.</summary>
    public string ConfigSha256 => Canonical.Sha256OfFile(In(Hashed));

    /// <summary>False when <c>config.json</c> or the folder's name was altered.</summary>
    public bool IdentityHolds => EndsInHashOf(Id, File.ReadAllBytes(In(Hashed)));

    /// <summary>The manifest as it lies there; null when there is none.</summary>
    /// <exception cref="InvalidDataException">The file is not a manifest.</exception>
    public RunManifest? Manifest
    {
        get
        {
            try
            {
                return RunManifest.Parse(File.ReadAllText(In("manifest.json")), In("manifest.json"));
            }
            catch (FileNotFoundException)
            {
                return null;
            }
        }
    }

    /// <summary>Writes the manifest, sealed by its own hash and, behind an earlier attempt, by that one's; of a run that is over, with its artefacts as they lie there now.</summary>
    public void Write(RunManifest manifest)
    {
        var isOver = manifest.State is not (RunState.Pending or RunState.Running);
        var last = Attempts().LastOrDefault(attempt => attempt.Attempt < manifest.Attempt);
        var whole = manifest with { Artefacts = isOver ? Artefacts() : [], PrevHash = last?.Hash };
        Write("manifest.json", whole.Sealed().ToJson());
    }

    /// <summary>The manifest's state; "pending" without a manifest.</summary>
    public string State => Manifest?.State ?? RunState.Pending;

    /// <summary>The artefacts' paths, hashes and sizes as they lie there now: everything but manifest, logs and earlier attempts.</summary>
    public IReadOnlyList<Artefact> Artefacts() =>
        ArtefactNames()
            .Select(name => (Name: name, File: new FileInfo(In(name))))
            // What has no length is not opened: a pipe would wait for its other end.
            .Select(found => new Artefact(
                found.Name,
                found.File.Length == 0 ? Canonical.Sha256("") : Canonical.Sha256OfFile(found.File.FullName),
                found.File.Length
            ))
            .ToList();

    /// <summary>The paths of the files that a run which is over must not change any more, in ordinal order, relative, with forward slashes.</summary>
    public IReadOnlyList<string> ArtefactNames() =>
        Directory
            .EnumerateFiles(Path, "*", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'))
            .Where(name => !name.Split('/').Any(part => part.StartsWith('.')))
            .Where(name => name is not ("manifest.json" or "stdout.log" or "stderr.log"))
            .Where(name => name.Split('/')[0] is not ("attempts" or "checkpoint.next" or "checkpoint.previous"))
            .Order(StringComparer.Ordinal)
            .ToList();

    // ── the files that grow ───────────────────────────────────────────────────────────────────

    /// <summary>What training recorded, in order; a torn last line is left out.</summary>
    /// <exception cref="InvalidDataException">Another line is not an event.</exception>
    public IEnumerable<Event> Events() => JsonLines.Read<Event>(In("events.jsonl"));

    /// <summary>The metrics taken during training, in order, without arrays.</summary>
    public IEnumerable<MeasuredAt> Measures() =>
        JsonLines
            .Read<MeasureLine>(In("measures.jsonl"))
            .Select(m => new MeasuredAt(m.Step, new(m.Name, m.Value, m.Unit, m.Better, m.Scale, m.Se, m.N, m.Protocol)));

    /// <summary>The hashes along training, in order.</summary>
    public IEnumerable<Trace> Traces() => JsonLines.Read<Trace>(In("trace.jsonl"));

    /// <summary>Appends lines to <c>events.jsonl</c> in one write.</summary>
    public void Append(IEnumerable<Event> events) => Publish(() => JsonLines.Append(In("events.jsonl"), events, Fence));

    /// <summary>Appends lines to <c>measures.jsonl</c> in one write; arrays are left out.</summary>
    public void Append(IEnumerable<MeasuredAt> measures) =>
        Publish(() =>
            JsonLines.Append(
                In("measures.jsonl"),
                measures
                    .Select(m => (m.Step, Of: m.Measurement))
                    .Select(m => new MeasureLine(
                        m.Step,
                        m.Of.Name,
                        m.Of.Value,
                        m.Of.Unit,
                        m.Of.Better,
                        m.Of.Scale,
                        m.Of.Se,
                        m.Of.N,
                        m.Of.Protocol
                    )),
                Fence
            )
        );

    // One flat object a line.
    sealed record MeasureLine(
        long Step,
        string Name,
        double Value,
        string Unit,
        Direction Better,
        string Scale = "linear",
        double? Se = null,
        long? N = null,
        string? Protocol = null
    );

    /// <summary>Appends lines to <c>trace.jsonl</c> in one write.</summary>
    public void Append(IEnumerable<Trace> traces) => Publish(() => JsonLines.Append(In("trace.jsonl"), traces, Fence));

    /// <summary>Cuts what was recorded later than a step, torn last lines included, so that a resumed run writes on as if it had never stopped.</summary>
    /// <param name="afterStep">The last step that training goes on from.</param>
    /// <param name="afterMeasured">The last step whose measurement counts; it may lie before the other.</param>
    /// <exception cref="InvalidDataException">A line has no step.</exception>
    public void Truncate(long afterStep, long afterMeasured) =>
        Publish(() =>
        {
            JsonLines.Truncate(In("events.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("trace.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("measures.jsonl"), afterMeasured, staging);
        });

    // ── results ───────────────────────────────────────────────────────────────────────────────

    /// <summary>The metrics of <c>metrics.json</c> in the order in which they lie there, without arrays; none when there is no such file.</summary>
    /// <exception cref="InvalidDataException">The file is not what the project writes.</exception>
    public IReadOnlyList<Measurement> Measurements()
    {
        var path = In("metrics.json");
        if (!File.Exists(path))
            return [];
        return Json.Read<Dictionary<string, MetricFields>>(File.ReadAllText(path), path)
            .Select(pair => pair.Value.Named(pair.Key))
            .ToList();
    }

    /// <summary>Replaces <c>metrics.json</c>, and writes the measurements' arrays beside those that are there.</summary>
    /// <exception cref="ArgumentException">Two measurements have one name.</exception>
    public void Write(IEnumerable<Measurement> measurements)
    {
        var all = measurements.ToList();
        var twice = all.GroupBy(measurement => measurement.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new ArgumentException(
                $"The metric {twice.Key} was measured twice in one run; each needs a name of its own.",
                nameof(measurements)
            );
        Write(all.SelectMany(measurement => measurement.Arrays));
        Write("metrics.json", JsonSerializer.Serialize(all.ToDictionary(m => m.Name, MetricFields.Of), Json.Readable) + "\n");
    }

    // A metric without its name, which is its key, and without its arrays.
    sealed record MetricFields(
        double Value,
        string Unit,
        Direction Better,
        string Scale = "linear",
        double? Se = null,
        long? N = null,
        string? Protocol = null,
        Importance? Importance = null
    )
    {
        internal static MetricFields Of(Measurement m) => new(m.Value, m.Unit, m.Better, m.Scale, m.Se, m.N, m.Protocol, m.Importance);

        internal Measurement Named(string name) => new(name, Value, Unit, Better, Scale, Se, N, Protocol, Importance);
    }

    /// <summary>Writes arrays to <c>arrays/&lt;name&gt;.npy</c> and names them in <c>arrays/index.json</c>; arrays of the same names are replaced.</summary>
    /// <exception cref="ArgumentException">A name that cannot be a file's, or axes that do not fit the shape.</exception>
    public void Write(IEnumerable<NamedArray> arrays)
    {
        var index = ArrayIndex();
        var written = false;
        foreach (var array in arrays)
        {
            if (!ArrayName().IsMatch(array.Name))
                throw new ArgumentException($"\"{array.Name}\" cannot name an array; letters, digits, -, _, . and / can.", nameof(arrays));
            if (array.Axes.Length != array.Shape.Length)
                throw new ArgumentException(
                    $"The array {array.Name} names {array.Axes.Length} axes ({string.Join(", ", array.Axes)}), but has {array.Shape.Length}.",
                    nameof(arrays)
                );
            // One flat folder: a/b lies in a.b.npy.
            var file = array.Name.Replace('/', '.') + ".npy";
            if (index.FirstOrDefault(known => known.Value.File == file && known.Key != array.Name) is { Key: { } other })
                throw new ArgumentException(
                    $"The arrays {array.Name} and {other} would lie in the same file, {file}; rename one of them.",
                    nameof(arrays)
                );
            Write($"arrays/{file}", stream => Npy.Write<float>(stream, array.Values, array.Shape));
            index[array.Name] = new(file, array.Axes, array.Shape);
            written = true;
        }
        if (written)
            Write("arrays/index.json", JsonSerializer.Serialize(index, Json.Readable) + "\n");
    }

    /// <summary>The names of the arrays, in ordinal order.</summary>
    public IReadOnlyList<string> ArrayNames() => [.. ArrayIndex().Keys];

    /// <summary>One array with its axes; null when the run has none of that name.</summary>
    /// <exception cref="InvalidDataException">The file is not what the index says.</exception>
    public NamedArray? Array(string name)
    {
        if (!ArrayIndex().TryGetValue(name, out var entry))
            return null;
        var (values, shape) = Npy.Read<float>(In("arrays", entry.File));
        return new(name, entry.Axes, shape, values);
    }

    SortedDictionary<string, ArrayEntry> ArrayIndex()
    {
        var path = In("arrays", "index.json");
        return File.Exists(path)
            ? new(Json.Read<Dictionary<string, ArrayEntry>>(File.ReadAllText(path), path), StringComparer.Ordinal)
            : new(StringComparer.Ordinal);
    }

    sealed record ArrayEntry(string File, string[] Axes, long[] Shape);

    /// <summary>Writes <c>samples.npy</c>.</summary>
    /// <param name="values">Row by row.</param>
    /// <param name="shape">Rows first.</param>
    public void WriteSamples(float[] values, params long[] shape) =>
        Write("samples.npy", stream => Npy.Write<float>(stream, values, shape));

    /// <exception cref="FileNotFoundException">The run has drawn none.</exception>
    public (float[] Values, long[] Shape) Samples() =>
        File.Exists(In("samples.npy"))
            ? Npy.Read<float>(In("samples.npy"))
            : throw new FileNotFoundException($"{Path}: the run has drawn no samples; it is {State}.", In("samples.npy"));

    /// <summary>Writes any other file of the run, whole or not at all; folders on the way are made.</summary>
    public void Write(string name, Action<Stream> content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(In(name))!);
        Publish(() => AtomicFile.Write(In(name), content, staging));
    }

    void Write(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Takes away a file or a folder of the run, if it is there, at once.</summary>
    public void Remove(string name) =>
        Publish(() =>
        {
            var gone = Staged($".{name}.gone");
            if (Directory.Exists(In(name)))
            {
                Directory.Move(In(name), gone);
                Directory.Delete(gone, recursive: true);
            }
            else if (File.Exists(In(name)))
            {
                File.Move(In(name), gone, overwrite: true);
                File.Delete(gone);
            }
        });

    // ── checkpoints and attempts ──────────────────────────────────────────────────────────────

    /// <summary>
    /// Replaces a folder of the run by a freshly filled one, so that at every moment one whole version is there:
    /// as <c>name</c>, or, between two renames, as <c>name.previous</c> (see <see cref="Settle"/> and <see cref="Taken"/>).
    /// </summary>
    /// <param name="fill">Writes files into the folder it is given.</param>
    public void Replace(string name, Action<string> fill) => Publish(() => Exchange(name, fill));

    void Exchange(string name, Action<string> fill)
    {
        Settle(name);
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        AtomicFile.CreateFolder(next);
        AtomicFile.Reached?.Invoke("made");
        fill(next);
        AtomicFile.Reached?.Invoke("filled");
        foreach (var file in Directory.EnumerateFiles(next, "*", SearchOption.AllDirectories))
            using (var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite))
                stream.Flush(flushToDisk: true);
        AtomicFile.SyncFolder(next);
        AtomicFile.Reached?.Invoke("on the disk");
        if (Directory.Exists(current))
            Directory.Move(current, previous);
        AtomicFile.Reached?.Invoke("moved away");
        Directory.Move(next, current);
        AtomicFile.Reached?.Invoke("moved in");
        AtomicFile.SyncFolder(Path);
        if (Directory.Exists(previous))
            Directory.Delete(previous, recursive: true);
    }

    /// <summary>Finishes a <see cref="Replace"/> that was cut off: afterwards <c>name</c> is the newest whole version, if there is any.</summary>
    /// <returns>Whether the folder is there.</returns>
    public bool Settle(string name)
    {
        var (current, next, previous) = (In(name), Staged(name + Next), Staged(name + Previous));
        if (Directory.Exists(next))
            Directory.Delete(next, recursive: true);
        if (!Directory.Exists(current) && Directory.Exists(previous))
            Directory.Move(previous, current);
        else if (Directory.Exists(previous))
            Directory.Delete(previous, recursive: true);
        return Directory.Exists(current);
    }

    /// <summary>
    /// Makes way for another attempt: the manifest and the logs of the last one move to <c>attempts/NNN</c>, the manifest last, so that
    /// a move that was cut off is finished by the next call. Results stay.
    /// </summary>
    /// <returns>The number of the attempt that may begin, counted from 1.</returns>
    public int NextAttempt()
    {
        Fence();
        if (Manifest is { } last)
        {
            var folder = In("attempts", Numbered(last.Attempt));
            Directory.CreateDirectory(folder);
            foreach (var name in (string[])["stdout.log", "stderr.log", "manifest.json"])
                if (File.Exists(In(name)))
                    File.Move(In(name), System.IO.Path.Combine(folder, name), overwrite: true);
            AtomicFile.SyncFolder(folder);
            AtomicFile.SyncFolder(Path);
        }
        // What a killed process left half written.
        foreach (var file in Directory.GetFiles(Path, ".*.new", SearchOption.AllDirectories))
            File.Delete(file);
        return 1 + Attempts().Select(attempt => attempt.Attempt).DefaultIfEmpty(0).Max();
    }

    /// <summary>The manifests of earlier attempts, first to last.</summary>
    public IReadOnlyList<RunManifest> Attempts() =>
        !Directory.Exists(In("attempts"))
            ? []
            : Directory
                .GetDirectories(In("attempts"))
                .Select(folder => System.IO.Path.Combine(folder, "manifest.json"))
                .Where(File.Exists)
                .Select(file => RunManifest.Parse(File.ReadAllText(file), file))
                .OrderBy(manifest => manifest.Attempt)
                .ToList();

    static string Numbered(int attempt) => attempt.ToString("000", CultureInfo.InvariantCulture);
}
