using System.Globalization;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>The meaning of the axes of an array.</summary>
public enum Layout
{
    /// <summary>By the shape: (N, d) are rows; (N, H, W) and (N, C, H, W) or (N, H, W, C) with one or three channels are images.</summary>
    Auto,

    /// <summary>The first axis counts rows; the others are the numbers of a row.</summary>
    Rows,

    /// <summary>(N, H, W) or (N, C, H, W).</summary>
    ChannelsFirst,

    /// <summary>(N, H, W, C).</summary>
    ChannelsLast,
}

/// <summary>A file of NumPy's format as a data set: rows of numbers, which are whitened as those of a table, or images, which are scaled to
/// [−1, 1].</summary>
static class NpyArray
{
    static readonly Dictionary<string, ScalarType> Known = new()
    {
        ["<f4"] = ScalarType.Float32,
        ["<f8"] = ScalarType.Float64,
        ["|u1"] = ScalarType.Byte,
        ["|i1"] = ScalarType.Int8,
        ["<i2"] = ScalarType.Int16,
        ["<i4"] = ScalarType.Int32,
        ["<i8"] = ScalarType.Int64,
    };

    public static IDataset Of(NpySpec spec, Site site)
    {
        var path = spec.PathIn(site.DataRoot);
        using var scope = NewDisposeScope();
        var (whole, layout) = Read(path, spec.Layout);
        if (layout == Layout.Rows)
        {
            if (spec.Low is not null)
                throw new SettingException(nameof(spec.Low), "is for images, and this array has rows; leave low and high out");
            var rows = whole.reshape(whole.shape[0], -1).to(float64);
            CheckFinite(path, rows);
            string[] columns =
            [
                .. Enumerable.Range(0, (int)rows.shape[1]).Select(i => $"column {i.ToString(CultureInfo.InvariantCulture)}"),
            ];
            return new Table("npy", spec.File, path, columns, rows, (spec.Whiten, spec.Test, spec.Validation), site);
        }
        var images =
            layout == Layout.ChannelsLast ? whole.permute(0, 3, 1, 2).contiguous()
            : whole.ndim == 3 ? whole.unsqueeze(1)
            : whole;
        var split = new Split(images.shape[0], spec.Test, spec.Validation, site);
        var digest = DigestCache.Of(path);
        if (Scaled(path, images, spec) is not { } scaled)
        {
            var pixels = new HeldPixels(images.to(site.Device).DetachFromDisposeScope());
            return new Images("npy", [spec.File], path, digest, pixels, split.Places, Steps.Old, site);
        }
        Tensor Part(Tensor rows) => rows.DetachFromDisposeScope();
        return new Images(
            "npy",
            [spec.File],
            path,
            digest,
            scaled.shape[1..],
            (Part(split.Train(scaled)), Part(split.Validation(scaled)), Part(split.Test(scaled)))
        );
    }

    /// <summary>Checks the header.</summary>
    /// <returns>The shape of one row of the data set.</returns>
    internal static long[] Check(string path, Layout layout)
    {
        var (values, descriptor, shape) = Npy.Open(path);
        using (values)
        {
            _ = Header(path, values, descriptor, shape);
            return LayoutOf(path, shape, layout) switch
            {
                Layout.Rows => [shape.Skip(1).Aggregate(1L, (a, b) => a * b)],
                Layout.ChannelsLast => [shape[3], shape[1], shape[2]],
                _ => shape.Length == 3 ? [1, shape[1], shape[2]] : shape[1..],
            };
        }
    }

    /// <summary>The whole array, in its own dtype, on the CPU.</summary>
    static (Tensor Whole, Layout Layout) Read(string path, Layout given)
    {
        var (values, descriptor, shape) = Npy.Open(path);
        using (values)
        {
            var (dtype, size) = Header(path, values, descriptor, shape);
            var layout = LayoutOf(path, shape, given);
            Images.CheckMemory(path, shape[0], shape.Skip(1).Aggregate(1.0, (a, b) => a * b), size, "use fewer rows");
            var whole = empty(shape, dtype: dtype);
            // A span has at most 2 GB.
            var most = Math.Max(1, (256 << 20) / (size * shape.Skip(1).Aggregate(1L, (a, b) => a * b)));
            for (long from = 0; from < shape[0]; from += most)
            {
                using var some = whole.narrow(0, from, Math.Min(most, shape[0] - from));
                values.ReadExactly(some.bytes);
            }
            return (whole, layout);
        }
    }

    static (ScalarType Type, int Size) Header(string path, FileStream values, string descriptor, long[] shape)
    {
        if (!Known.TryGetValue(descriptor, out var dtype))
            throw new InvalidDataException(
                $"{path}: the array has the type {descriptor}{(descriptor.StartsWith('>') ? ", which is big-endian" : "")}; known are "
                    + $"{string.Join(", ", Known.Keys)}. Convert it, for example with numpy's a.astype(\"<f4\"), and save it again."
            );
        var size = descriptor[2] - '0';
        if (shape.Length == 0 || shape.Contains(0))
            throw new InvalidDataException(
                $"{path}: the array has the shape ({string.Join(", ", shape)}), so it has no rows; its first axis counts the rows."
            );
        var needs = shape.Aggregate((UInt128)size, (product, n) => product > ulong.MaxValue ? product : product * (ulong)n);
        if (needs != (UInt128)(values.Length - values.Position))
            throw new InvalidDataException(
                $"{path}: an array of shape ({string.Join(", ", shape)}) and type {descriptor} has {needs} bytes, but the file has "
                    + $"{values.Length - values.Position}; it is not complete, so copy it again."
            );
        return (dtype, size);
    }

    static Layout LayoutOf(string path, long[] shape, Layout given)
    {
        static bool IsColour(long channels) => channels is 1 or 3;
        bool fits = given switch
        {
            Layout.ChannelsFirst => shape is [_, _, _] || shape is [_, var c, _, _] && IsColour(c),
            Layout.ChannelsLast => shape is [_, _, _, var c] && IsColour(c),
            _ => true,
        };
        if (!fits)
            throw new InvalidDataException(
                $"{path}: an array of shape ({string.Join(", ", shape)}) does not have the layout data.layout={Kebab.Of(given)}, which needs three axes "
                    + "without channels, or four with one or three channels."
            );
        return (given, shape) switch
        {
            (not Layout.Auto, _) => given,
            (_, [_] or [_, _]) => Layout.Rows,
            (_, [_, _, _]) => Layout.ChannelsFirst,
            (_, [_, var first, _, var last]) when IsColour(first) != IsColour(last) => IsColour(first)
                ? Layout.ChannelsFirst
                : Layout.ChannelsLast,
            _ => throw new InvalidDataException(
                $"{path}: the meaning of the axes of an array of shape ({string.Join(", ", shape)}) is not clear; write data.layout=rows, channels-first "
                    + "or channels-last."
            ),
        };
    }

    /// <summary>Images with low and high scaled to [−1, 1], float32; null for bytes without these settings, which get noise instead.</summary>
    static Tensor? Scaled(string path, Tensor images, NpySpec spec)
    {
        if ((spec.Low, spec.High) is not ({ } low, { } high))
            return images.dtype == ScalarType.Byte
                ? null
                : throw new SettingException(
                    nameof(spec.Low),
                    $"and high are needed to scale images that are not uint8 to [-1, 1]; the smallest number of {path} is {Show(images.min())} and the "
                        + $"largest {Show(images.max())}, so write data.low={Show(images.min())} data.high={Show(images.max())}"
                );
        CheckFinite(path, images);
        var (least, largest) = (images.min().to(float64).item<double>(), images.max().to(float64).item<double>());
        return least >= low && largest <= high
            ? ((images.to(float64) - low) * (2 / (high - low)) - 1).to(float32)
            : throw new SettingException(
                nameof(spec.Low),
                $"and high must include all numbers of {path}, which are between {Show(images.min())} and {Show(images.max())}"
            );
    }

    static void CheckFinite(string path, Tensor numbers)
    {
        if (!numbers.is_floating_point())
            return;
        var bad = numbers.isfinite().logical_not().flatten(1).any(1);
        if (bad.any().item<bool>())
            throw new InvalidDataException(
                $"{path}: row {bad.to(int64).argmax().item<long>()} (the first is 0) has NaN or an infinity; remove such rows from the array."
            );
    }

    static string Show(Tensor number) => number.to(float64).item<double>().ToString("R", CultureInfo.InvariantCulture);
}

/// <summary>An array of NumPy, saved by numpy.save: rows (N, d), or images (N, H, W), (N, C, H, W) or (N, H, W, C).</summary>
/// <param name="File">Path below the data root or the current folder, such as my.npy; float32, float64, uint8, int8 to int64, little-endian, in C order.</param>
/// <param name="Layout">auto: by the shape; rows; channels-first; channels-last.</param>
/// <param name="Whiten">For rows. columns: each column to mean 0 and variance 1; full: principal components of variance 1; none.</param>
/// <param name="Low">For images: the number that becomes −1. Without it, images of uint8 become (v + u)/128 − 1 with uniform noise u in [0, 1).</param>
/// <param name="High">For images: the number that becomes 1.</param>
/// <param name="Test">Share of the rows to test on.</param>
/// <param name="Validation">Share of the rows for choices during training, such as when to stop.</param>
[Kind("npy")]
public sealed record NpySpec(
    string File,
    Layout Layout = Layout.Auto,
    Whitening Whiten = Whitening.Columns,
    double? Low = null,
    double? High = null,
    double Test = .1,
    double Validation = .1
) : ISpec<IDataset>, IReadsFiles
{
    public string File { get; } = Require.DataPath(File);
    public double? Low { get; } = Require.Finite(Low);
    public double? High { get; } =
        Require.That(High, High is null == Low is null && !(High <= Low), "must be greater than low, and needs it");
    public double Test { get; } = Require.Between(0.001, 0.9, Test);
    public double Validation { get; } = Require.Between(0, 0.99 - Test, Validation);

    public IDataset Build(Site site) => NpyArray.Of(this, site);

    internal string PathIn(string dataRoot) => DataPlace.Find(dataRoot, RelativePath.Parse(File, "data.file"), "file");

    public void Check(string dataRoot) => NpyArray.Check(PathIn(dataRoot), Layout);

    public long[]? ShapeIn(string dataRoot) => NpyArray.Check(PathIn(dataRoot), Layout);
}
