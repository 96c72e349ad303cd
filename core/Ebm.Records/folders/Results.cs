using System.Text;
using System.Text.RegularExpressions;

namespace Ebm.Records;

/// <summary>
/// The results of a run, for tables and figures: <c>metrics.json</c>, <c>arrays/</c>, <c>samples.npy</c>.
/// </summary>
public sealed partial class RunFolder
{
    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ArrayName();

    /// <summary>The metrics of <c>metrics.json</c> in file order, without arrays; empty if the file does not exist.</summary>
    /// <exception cref="InvalidDataException">The file is not a valid metrics.json.</exception>
    public IReadOnlyList<Measurement> Measurements() => ReadMetrics().Metrics;

    /// <summary>The metrics, and the SHA-256 of the same bytes; null if the file does not exist.</summary>
    /// <exception cref="InvalidDataException">The file is not a valid metrics.json.</exception>
    public (IReadOnlyList<Measurement> Metrics, string? Sha256) ReadMetrics()
    {
        var path = In(MetricsFile);
        if (!Disk.HasFile(path))
            return ([], null);
        var bytes = RegularFile.Bytes(path, RegularFile.Record);
        var metrics = JsonText.Read<Dictionary<string, MetricFields>>(Encoding.UTF8.GetString(bytes), path);
        // Files written before metrics declared their comparison values have them under this name.
        string? Beside(string name) => metrics.ContainsKey(name + "/gaussian") ? name + "/gaussian" : null;
        var all = metrics
            .Select(pair => pair.Value.Named(pair.Key))
            .Select(m => m.Order is null && m.ComparedWith is null ? m with { ComparedWith = Beside(m.Name) } : m);
        return (all.ToList(), Canonical.Sha256(bytes));
    }

    /// <summary>The file of the metrics.</summary>
    public const string MetricsFile = "metrics.json";

    /// <summary>Replaces <c>metrics.json</c>, and adds the measurements' arrays to the existing ones.</summary>
    /// <exception cref="ArgumentException">Two measurements have the same name.</exception>
    public void Write(IEnumerable<Measurement> measurements)
    {
        var all = measurements.ToList();
        var twice = all.GroupBy(measurement => measurement.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new ArgumentException(
                $"The metric {twice.Key} was measured twice in one run; each measurement needs a different name.",
                nameof(measurements)
            );
        Write(all.SelectMany(measurement => measurement.Arrays));
        Write(MetricsFile, JsonText.FileOf(all.ToDictionary(m => m.Name, MetricFields.Of)));
    }

    // A metric without its name, which is the key, and without its arrays.
    sealed record MetricFields(
        double Value,
        string Unit,
        Direction Better,
        string Scale = "linear",
        double? Se = null,
        long? N = null,
        string? Protocol = null,
        Importance? Importance = null,
        int? Order = null,
        string? ComparedWith = null
    )
    {
        internal static MetricFields Of(Measurement m) =>
            new(m.Value, m.Unit, m.Better, m.Scale, m.Se, m.N, m.Protocol, m.Importance, m.Order, m.ComparedWith);

        internal Measurement Named(string name) => new(name, Value, Unit, Better, Scale, Se, N, Protocol, Importance, Order, ComparedWith);
    }

    /// <summary>Writes arrays to <c>arrays/&lt;name&gt;.npy</c> and names them in <c>arrays/index.json</c>; arrays of the same names are replaced.</summary>
    /// <exception cref="ArgumentException">A name cannot be a file name, or axes do not fit the shape.</exception>
    public void Write(IEnumerable<NamedArray> arrays)
    {
        var index = ArrayIndex();
        var written = false;
        foreach (var array in arrays)
        {
            if (!ArrayName().IsMatch(array.Name))
                throw new ArgumentException(
                    $"\"{array.Name}\" is not a valid name of an array; use letters, digits, -, _, . and /.",
                    nameof(arrays)
                );
            if (array.Axes.Length != array.Shape.Length)
                throw new ArgumentException(
                    $"The array {array.Name} names {array.Axes.Length} axes ({string.Join(", ", array.Axes)}), but has {array.Shape.Length}.",
                    nameof(arrays)
                );
            // One flat folder: a/b is in a.b.npy.
            var file = array.Name.Replace('/', '.') + ".npy";
            if (index.FirstOrDefault(known => known.Value.File == file && known.Key != array.Name) is { Key: { } other })
                throw new ArgumentException(
                    $"The arrays {array.Name} and {other} would be in the same file, {file}; rename one of them.",
                    nameof(arrays)
                );
            Write($"arrays/{file}", stream => Npy.Write<float>(stream, array.Values, array.Shape));
            index[array.Name] = new(file, array.Axes, array.Shape);
            written = true;
        }
        if (written)
            Write("arrays/index.json", JsonText.FileOf(index));
    }

    /// <summary>The names of the arrays, in ordinal order.</summary>
    public IReadOnlyList<string> ArrayNames() => [.. ArrayIndex().Keys];

    /// <summary>One array with its axes; null if the run has no array of this name.</summary>
    /// <exception cref="InvalidDataException">The file does not match the index.</exception>
    public NamedArray? Array(string name)
    {
        if (!ArrayIndex().TryGetValue(name, out var entry))
            return null;
        var file = RelativePath.Parse(entry.File, In("arrays", "index.json")).In(In("arrays"));
        var (values, shape) = Npy.Read<float>(file);
        return new(name, entry.Axes, shape, values);
    }

    SortedDictionary<string, ArrayEntry> ArrayIndex()
    {
        var path = In("arrays", "index.json");
        return Disk.HasFile(path)
            ? new(JsonText.Read<Dictionary<string, ArrayEntry>>(RegularFile.Text(path, RegularFile.Record), path), StringComparer.Ordinal)
            : new(StringComparer.Ordinal);
    }

    sealed record ArrayEntry(string File, string[] Axes, long[] Shape);

    /// <summary>Writes <c>samples.npy</c>.</summary>
    /// <param name="values">In row-major order.</param>
    /// <param name="shape">Rows first.</param>
    public void WriteSamples(float[] values, params long[] shape) =>
        Write("samples.npy", stream => Npy.Write<float>(stream, values, shape));

    /// <exception cref="FileNotFoundException">The run has no samples.</exception>
    public (float[] Values, long[] Shape) Samples() =>
        Disk.HasFile(In("samples.npy"))
            ? Npy.Read<float>(In("samples.npy"))
            : throw new FileNotFoundException($"{Path}: the run has no samples; its state is {Kebab.Of(State)}.", In("samples.npy"));
}
