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

/// <summary>
/// Rows of a text table, such as the UCI repository's, for density estimation. Columns that are not features (targets, identifiers) are
/// dropped by name, and so are columns that correlate with an earlier one. The seed determines the split, so that methods are paired. Rows
/// are whitened by mean and covariance of the training rows, so that test rows have no influence. Rows are not dequantised, as in published
/// results: recorded decimals repeat, and a density on them is unbounded.
/// </summary>
public sealed class Table : IDataset, IValidated
{
    internal Table(TableSpec spec, Site site)
    {
        var path = Path.Combine(site.DataRoot, spec.File);
        var read = Delimited.Read(path, spec.Separator?[0], spec.Header);
        using var scope = NewDisposeScope();
        var (columns, rows) = Kept(read, spec, path);
        var (n, order) = (rows.shape[0], site.Rng.Stream("split").Permutation(rows.shape[0]).to(site.Device));
        var (test, validation) = ((long)Math.Round(spec.Test * n), (long)Math.Round(spec.Validation * n));
        Tensor Part(long from, long count) => rows.to(site.Device).index_select(0, order.narrow(0, from, count));
        var train = Part(test + validation, n - test - validation);
        if (train.shape[0] <= columns.Length)
            throw new InvalidDataException(
                $"{path} leaves {train.shape[0]} training rows; whitening its {columns.Length} columns needs more rows than columns."
            );

        var (mean, towards, logVolume) = Whiten(train, spec.Whiten, columns, path);
        Tensor Whitened(Tensor x) => (x - mean).matmul(towards).to(float32).DetachFromDisposeScope();
        (Train, Test, Validation) = (Whitened(train), Whitened(Part(0, test)), Whitened(Part(test, validation)));
        (Columns, Shape, LogVolume) = (columns, [columns.Length], logVolume);
        Digest = Content.Digest(Train, Validation, Test);
    }

    public string Name => "table";
    public long[] Shape { get; }
    public Tensor Train { get; }
    public Tensor Test { get; }
    public Tensor Validation { get; }
    public string Digest { get; }

    /// <summary>Names of the columns that were kept, in the file's order.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Log of the factor by which whitening enlarges a volume. The NLL per row in the file's units is that of whitened rows minus
    /// this value.</summary>
    public double LogVolume { get; }

    /// <summary>
    /// The features: all columns except the dropped ones and those whose correlation with an earlier kept column exceeds the bound.
    /// Correlations are over all rows, so that every seed has the same columns.
    /// </summary>
    static (string[] Names, Tensor Rows) Kept(Delimited read, TableSpec spec, string path)
    {
        var features = Features(read.Columns, spec, path);
        var rows = tensor(read.Rows.SelectMany(row => features.Select(i => row[i])).ToArray(), dtype: float64)
            .reshape(read.Rows.Length, features.Length);

        List<int> kept = [.. Enumerable.Range(0, features.Length)];
        if (spec.Correlation is { } bound)
        {
            var centred = rows - rows.mean([0]);
            var lengths = centred.square().sum(dim: 0).sqrt();
            // A constant column has no correlation; whitening reports it as an error.
            var correlation = (centred.t().matmul(centred) / (lengths.unsqueeze(1) * lengths).clamp(min: double.Epsilon))
                .abs()
                .data<double>()
                .ToArray();
            kept = [];
            for (var i = 0; i < features.Length; i++)
                if (kept.All(j => correlation[i * features.Length + j] <= bound))
                    kept.Add(i);
        }
        return ([.. kept.Select(i => read.Columns[features[i]])], rows.index_select(1, tensor(kept.Select(i => (long)i).ToArray())));
    }

    /// <summary>The places of the columns that are not dropped.</summary>
    internal static int[] Features(string[] columns, TableSpec spec, string path)
    {
        foreach (var name in spec.Drop.Except(columns))
            throw new SettingException(
                nameof(spec.Drop),
                $"names the column {name}, which {path} does not have{Spelling.DidYouMean(name, columns)}; "
                    + $"its columns are {string.Join(", ", columns)}"
            );
        var features = Enumerable.Range(0, columns.Length).Where(i => !spec.Drop.Contains(columns[i])).ToArray();
        return features.Length > 0
            ? features
            : throw new SettingException(nameof(spec.Drop), $"names all columns of {path}; at least one must remain");
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

/// <summary>Rows of a text table under the data root, split by the seed and whitened by the training rows.</summary>
/// <param name="File">Path below the data root, such as uci/winequality-red.csv.</param>
/// <param name="Separator">Character between fields; by default the most frequent of , ; tab | in the first line.</param>
/// <param name="Header">Whether the first line names the columns; by default, if one of its fields is not a number. Without a header they are 1, 2, …</param>
/// <param name="Drop">Names of columns that are not features: targets, identifiers.</param>
/// <param name="Correlation">Of two columns whose absolute correlation exceeds this, the later is dropped; null keeps all.</param>
/// <param name="Whiten">full: principal components of variance 1; columns: each column to mean 0 and variance 1; none.</param>
/// <param name="Test">Share of the rows to test on.</param>
/// <param name="Validation">Share of the rows for choices during training, such as when to stop.</param>
[Kind("table")]
public sealed record TableSpec(
    string File,
    string? Separator = null,
    bool? Header = null,
    string[]? Drop = null,
    double? Correlation = null,
    Whitening Whiten = Whitening.Full,
    double Test = .1,
    double Validation = .1
) : ISpec<IDataset>, IReadsFiles
{
    public string File { get; } =
        Require.That(File, RelativePath.Try(File) is not null, "must be a path below the data root, with forward slashes and without ..");
    public string? Separator { get; } = Require.That(Separator, Separator is null or [not '"'], "must be one character, not a quote");
    public string[] Drop { get; } = Drop ?? [];
    public double? Correlation { get; } = Correlation is { } bound ? Require.Between(0, 1, bound, nameof(Correlation)) : null;
    public double Test { get; } = Require.Between(0.001, 0.9, Test);
    public double Validation { get; } = Require.Between(0, 0.99 - Test, Validation);

    public IDataset Build(Site site) => new Table(this, site);

    public void Check(string dataRoot)
    {
        var path = Path.Combine(dataRoot, File);
        Table.Features(Delimited.ColumnsOf(path, Separator?[0], Header), this, path);
    }
}
