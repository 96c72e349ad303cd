using Ebm.Records;

namespace Ebm.Data;

/// <summary>How columns are scaled, by statistics of the training rows only.</summary>
public enum Whitening
{
    /// <summary>Principal components with mean 0 and variance 1: z = Λ^(−1/2) Vᵀ D⁻¹ (x − m), with the columns' standard deviations D and
    /// correlations VΛVᵀ.</summary>
    Full,

    /// <summary>Each column to mean 0 and variance 1.</summary>
    Columns,

    /// <summary>The numbers of the file, unchanged.</summary>
    None,
}

/// <summary>What becomes of the rows of a table in which a used column has no value: an empty field, or NA, N/A, NaN, null, none or ? among
/// numbers.</summary>
public enum MissingValues
{
    /// <summary>They are an error.</summary>
    Refuse,

    /// <summary>They are left out.</summary>
    Drop,
}

/// <summary>
/// Rows of numbers, such as a text table of the UCI repository, for density estimation. Columns that are not features (targets, identifiers) are
/// dropped by name, and so are columns that correlate with an earlier one. The seed determines the split, so that methods are paired. Rows
/// are whitened by mean and covariance of the training rows, so that test rows have no influence. Numbers are not dequantised, as in published
/// results: recorded decimals repeat, and a density on them is unbounded. Codes of texts are, because they have no other density: the row has
/// <code>x = k + u,   u ~ U[0, 1)</code>
/// for the k-th value, so the probability of the value is the integral of the density from k to k + 1, and a sample x means the value ⌊x⌋.
/// </summary>
public sealed class Table : IDataset, IValidated
{
    /// <param name="file">The file's name in the manifest.</param>
    /// <param name="path">The file, for errors.</param>
    /// <param name="columns">A name for each column.</param>
    /// <param name="rows">(N, d), float64.</param>
    internal Table(
        string name,
        string file,
        string path,
        string[] columns,
        Tensor rows,
        (Whitening Whiten, double Test, double Validation) how,
        Site site
    )
    {
        using var scope = NewDisposeScope();
        var split = new Split(rows.shape[0], how.Test, how.Validation, site);
        var train = split.Train(rows);
        if (train.shape[0] <= columns.Length)
            throw new InvalidDataException(
                $"{path} leaves {train.shape[0]} training rows; whitening its {columns.Length} columns needs more rows than columns."
            );

        var (mean, towards, logVolume) = Whiten(train, how.Whiten, columns, path);
        Tensor Whitened(Tensor x) => (x - mean).matmul(towards).to(float32).DetachFromDisposeScope();
        (Train, Test, Validation) = (Whitened(train), Whitened(split.Test(rows)), Whitened(split.Validation(rows)));
        (Name, Files, Columns, Shape, LogVolume) = (name, [file], columns, [columns.Length], logVolume);
        Digest = Content.Digest(Train, Validation, Test);
    }

    internal static Table Of(TableSpec spec, Site site)
    {
        var path = spec.PathIn(site.DataRoot);
        var read = Delimited.Read(path, spec.Separator?[0], spec.Header, columns => Uses(columns, spec, path), spec.Missing);
        using var scope = NewDisposeScope();
        var (columns, rows) = Kept(read, spec.Correlation, site.Rng.Stream("codes"));
        return new("table", spec.File, path, columns, rows, (spec.Whiten, spec.Test, spec.Validation), site) { Values = read.Values };
    }

    public string Name { get; }
    public long[] Shape { get; }
    public Tensor Train { get; }
    public Tensor Test { get; }
    public Tensor Validation { get; }
    public string Digest { get; }
    public IReadOnlyList<string> Files { get; }

    /// <summary>The name, because the digest covers the split, which depends on the seed.</summary>
    public string Common => Name;

    /// <summary>Names of the columns that were kept, in the file's order.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>The values of each coded column; the code of a value is its place.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Values { get; private init; } =
        new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Log of the factor by which whitening enlarges a volume. The NLL per row in the file's units is that of whitened rows minus
    /// this value.</summary>
    public double LogVolume { get; }

    /// <summary>
    /// The features: all columns that were read except those whose correlation with an earlier kept column exceeds the bound. Correlations are over
    /// all rows, so that every seed has the same columns.
    /// </summary>
    static (string[] Names, Tensor Rows) Kept(Delimited read, double? correlated, Rng codes)
    {
        var d = read.Columns.Length;
        var rows = tensor(read.Rows.SelectMany(row => row).ToArray(), dtype: float64).reshape(read.Rows.Length, d);

        List<int> kept = [.. Enumerable.Range(0, d)];
        if (correlated is { } bound)
        {
            var centred = rows - rows.mean([0]);
            var lengths = centred.square().sum(dim: 0).sqrt();
            // A constant column has no correlation; whitening reports it as an error.
            var correlation = (centred.t().matmul(centred) / (lengths.unsqueeze(1) * lengths).clamp(min: double.Epsilon))
                .abs()
                .data<double>()
                .ToArray();
            kept = [];
            for (var i = 0; i < d; i++)
                if (kept.All(j => correlation[i * d + j] <= bound))
                    kept.Add(i);
        }
        for (var i = 0; i < d; i++)
            if (read.Values.ContainsKey(read.Columns[i]))
                rows.select(1, i).add_(codes.Stream(read.Columns[i]).Uniform(read.Rows.Length).to(rows.device).to(float64));
        return ([.. kept.Select(i => read.Columns[i])], rows.index_select(1, tensor(kept.Select(i => (long)i).ToArray())));
    }

    /// <summary>The use of each column.</summary>
    internal static Use[] Uses(string[] columns, TableSpec spec, string path)
    {
        foreach (var (setting, names) in new[] { (nameof(spec.Drop), spec.Drop), (nameof(spec.Code), spec.Code) })
        foreach (var name in names.Except(columns))
            throw new SettingException(
                setting,
                $"names the column {name}, which {path} does not have{Spelling.DidYouMean(name, columns)}; "
                    + $"its columns are {string.Join(", ", columns)}"
            );
        return columns.All(spec.Drop.Contains)
            ? throw new SettingException(nameof(spec.Drop), $"names all columns of {path}; at least one must remain")
            :
            [
                .. columns.Select(name =>
                    spec.Drop.Contains(name) ? Use.None
                    : spec.Code.Contains(name) ? Use.Code
                    : Use.Number
                ),
            ];
    }

    /// <summary>The mean of the training rows, (d), the whitening matrix, (d, d), and its log |det|.</summary>
    static (Tensor Mean, Tensor Towards, double LogVolume) Whiten(Tensor train, Whitening how, string[] columns, string path)
    {
        var (n, d) = (train.shape[0], train.shape[1]);
        var mean = train.mean([0]);
        var centred = train - mean;
        var variances = centred.square().sum(dim: 0) / (n - 1);
        var still = columns.Where((_, i) => !(variances[i].item<double>() > 0)).ToArray();
        if (still.Length > 0 && how != Whitening.None)
            throw new InvalidDataException(
                $"{path}: {Spelling.Either(still)} has the same value in all {n} training rows, so it cannot be whitened; drop it with data.drop."
            );
        switch (how)
        {
            case Whitening.None:
                return (zeros_like(mean), eye(d, dtype: float64, device: train.device), 0);
            case Whitening.Columns:
                return (mean, diag(variances.rsqrt()), -variances.log().sum().item<double>() / 2);
            default:
                // Of the correlations, because eigenvalues of the covariance depend on the columns' units.
                var scaled = centred * variances.rsqrt();
                var (spread, directions) = linalg.eigh(scaled.t().matmul(scaled) / (n - 1));
                if (spread[0].item<double>() < 1e-10)
                    throw new InvalidDataException(
                        $"{path}: a column is a linear combination of others, so the rows have no density; "
                            + "drop columns with data.drop, or set data.correlation."
                    );
                // The sign of an eigenvector is arbitrary; the largest component of each is made positive.
                var largest = directions.gather(0, directions.abs().argmax(0, keepdim: true));
                var towards = variances.rsqrt().unsqueeze(1) * directions * (largest.sign() * spread.rsqrt());
                return (mean, towards, -(variances.log().sum() + spread.log().sum()).item<double>() / 2);
        }
    }
}

/// <summary>Rows of a text table, such as a CSV file, split by the seed and whitened by the training rows.</summary>
/// <param name="File">Path below the data root or the current folder, such as my.csv.</param>
/// <param name="Separator">Character between fields; by default the most frequent of , ; tab | in the first line.</param>
/// <param name="Header">Whether the first line names the columns; by default, if none of its fields is a number. Without a header they are 1, 2, …</param>
/// <param name="Drop">Names of columns that are not features: targets, identifiers, texts.</param>
/// <param name="Code">Names of columns whose texts are read as codes 0, 1, 2, …, in alphabetical order (numbers in their order), with uniform noise of width 1.</param>
/// <param name="Correlation">Of two columns whose absolute correlation exceeds this, the later is dropped; null keeps all.</param>
/// <param name="Whiten">full: principal components of variance 1; columns: each column to mean 0 and variance 1; none.</param>
/// <param name="Test">Share of the rows to test on.</param>
/// <param name="Validation">Share of the rows for choices during training, such as when to stop.</param>
/// <param name="Missing">refuse: rows with missing values in a column that is read are an error; drop: they are left out.</param>
[Kind("table")]
public sealed record TableSpec(
    string File,
    string? Separator = null,
    bool? Header = null,
    string[]? Drop = null,
    [OldRunsHad(new string[0])] string[]? Code = null,
    double? Correlation = null,
    Whitening Whiten = Whitening.Full,
    double Test = .1,
    double Validation = .1,
    [OldRunsHad(MissingValues.Refuse)] MissingValues Missing = MissingValues.Refuse
) : ISpec<IDataset>, IReadsFiles
{
    public string File { get; } = Require.DataPath(File);
    public string? Separator { get; } = Require.That(Separator, Separator is null or [not '"'], "must be one character, not a quote");
    public string[] Drop { get; } = Drop ?? [];
    public string[] Code { get; } =
        Require.That(Code ?? [], !(Code ?? []).Intersect(Drop ?? []).Any(), "must not name a column that drop names", nameof(Code));
    public double? Correlation { get; } = Correlation is { } bound ? Require.Between(0, 1, bound, nameof(Correlation)) : null;
    public double Test { get; } = Require.Between(0.001, 0.9, Test);
    public double Validation { get; } = Require.Between(0, 0.99 - Test, Validation);

    public IDataset Build(Site site) => Table.Of(this, site);

    internal string PathIn(string dataRoot) => DataPlace.Find(dataRoot, RelativePath.Parse(File, "data.file"), "file");

    /// <summary>Reads the whole table; of a large one, which takes long, the first rows.</summary>
    public void Check(string dataRoot)
    {
        const int large = 20_000_000,
            some = 100;
        var path = PathIn(dataRoot);
        var most = new FileInfo(path).Length > large ? some : int.MaxValue;
        Delimited.Read(path, Separator?[0], Header, columns => Table.Uses(columns, this, path), Missing, most);
    }
}
