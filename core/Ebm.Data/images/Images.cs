namespace Ebm.Data;

/// <summary>
/// Images as rows (C, H, W), from files of any number of images of one size. Their values are kept as bytes, or in their files, and become
/// float32 when rows are asked for.
/// </summary>
public sealed class Images : IDataset, IValidated, IEightBit
{
    readonly double? levelsPerUnit;
    Tensor? train,
        validation,
        test;

    /// <summary>Images of eight bits per value.</summary>
    /// <param name="files">The names of the files, or of the folder, in the manifest.</param>
    /// <param name="path">The file or folder, for errors.</param>
    /// <param name="digest">The digest of the content before it is split and scaled, so that it does not depend on the seed.</param>
    /// <param name="parts">The places of training, validation and test images: (n) int64 on the site's device.</param>
    internal Images(
        string name,
        IReadOnlyList<string> files,
        string path,
        string digest,
        Pixels pixels,
        (Tensor Train, Tensor Validation, Tensor Test) parts,
        Steps steps,
        Site site
    )
        : this(
            name,
            files,
            path,
            digest,
            pixels.Shape,
            (
                new PixelRows(pixels, parts.Train, steps, digest, site.Rng.Stream("train")),
                new PixelRows(pixels, parts.Validation, steps, digest, site.Rng.Stream("validation")),
                new PixelRows(pixels, parts.Test, steps, digest, site.Rng.Stream("test"))
            )
        )
    {
        if (steps.Dequantise == Dequantise.Uniform)
            levelsPerUnit = steps.LevelsPerUnit;
    }

    /// <summary>Images that are scaled already.</summary>
    internal Images(
        string name,
        IReadOnlyList<string> files,
        string path,
        string digest,
        long[] shape,
        (Rows Train, Rows Validation, Rows Test) parts
    )
    {
        // Metrics need two rows to estimate a variance.
        if (parts.Train.Count < 2 || parts.Test.Count < 2)
            throw new InvalidDataException(
                $"{path} leaves {parts.Train.Count} images for training and {parts.Test.Count} for testing; each needs at least two, so add images, "
                    + "or change the shares data.test and data.validation."
            );
        (Name, Files, Digest, Shape) = (name, files, digest, shape);
        (TrainRows, ValidationRows, TestRows) = parts;
    }

    public string Name { get; }
    public long[] Shape { get; }
    public string Digest { get; }
    public IReadOnlyList<string> Files { get; }
    public Rows TrainRows { get; }
    public Rows TestRows { get; }
    public Rows ValidationRows { get; }
    public Tensor Train => train ??= All(TrainRows);
    public Tensor Test => test ??= All(TestRows);
    public Tensor Validation => validation ??= All(ValidationRows);

    /// <summary>What was lost before the files were read, for notes below tables; null if they have the original values.</summary>
    public string? Loss { get; internal init; }

    public double? BitsPerDimension(double nats) =>
        levelsPerUnit is { } levels ? nats / (Shape.Size() * Math.Log(2)) + Math.Log2(levels) : null;

    /// <exception cref="InvalidDataException">All rows at once do not fit into memory.</exception>
    Tensor All(Rows rows)
    {
        CheckMemory(Name, rows.Count, Shape.Size(), 2 * sizeof(float), "ask for fewer rows at once");
        using var scope = NewDisposeScope();
        return rows.All.DetachFromDisposeScope();
    }

    /// <summary>Refuses images that do not fit into memory, before they are read.</summary>
    /// <param name="count">How many images there are.</param>
    /// <param name="numbers">Numbers of one image.</param>
    /// <param name="bytes">Bytes held at once for one number.</param>
    internal static void CheckMemory(string path, long count, double numbers, int bytes, string instead)
    {
        var needs = count * numbers * bytes;
        if (needs > Capacity.Bytes)
            throw new InvalidDataException(
                FormattableString.Invariant(
                    $"{path}: {count} images of {numbers} numbers take {needs / 1e9:0.#} GB, and this machine has {Capacity.Bytes / 1e9:0.#} GB; {instead}."
                )
            );
    }
}
