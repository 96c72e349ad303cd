namespace Ebm.Data;

/// <summary>Images as rows (C, H, W) with values in [−1, 1], from files of any number of images of one size.</summary>
public sealed class Images : IDataset, IValidated
{
    /// <param name="file">The name of the file or folder in the manifest.</param>
    /// <param name="path">The file or folder, for errors.</param>
    /// <param name="digest">The digest of the content before it is split and scaled, so that it does not depend on the seed.</param>
    /// <param name="parts">Training, validation and test images: (n, C, H, W), any dtype.</param>
    /// <param name="scaled">Scales images to [−1, 1], in float32; the stream is for noise.</param>
    internal Images(
        string name,
        string file,
        string path,
        string digest,
        (Tensor Train, Tensor Validation, Tensor Test) parts,
        Func<Tensor, Rng, Tensor> scaled,
        Site site
    )
    {
        // Metrics need two rows to estimate a variance.
        if (parts.Train.shape[0] < 2 || parts.Test.shape[0] < 2)
            throw new InvalidDataException(
                $"{path} leaves {parts.Train.shape[0]} images for training and {parts.Test.shape[0]} for testing; each needs at least two, so add images, "
                    + "or change the shares data.test and data.validation."
            );
        using (NewDisposeScope())
        {
            Tensor Part(string stream, Tensor images) => scaled(images.to(site.Device), site.Rng.Stream(stream)).DetachFromDisposeScope();
            (Train, Validation, Test) = (Part("train", parts.Train), Part("validation", parts.Validation), Part("test", parts.Test));
        }
        (Name, Files, Digest, Shape) = (name, [file], digest, Train.shape[1..]);
    }

    public string Name { get; }
    public long[] Shape { get; }
    public Tensor Train { get; }
    public Tensor Test { get; }
    public Tensor Validation { get; }
    public string Digest { get; }
    public IReadOnlyList<string> Files { get; }

    /// <summary>
    /// Images of eight bits per value v, in [−1, 1]. Uniform dequantisation makes them continuous, so that they have a density:
    /// <code>x = (v + u) / 128 − 1,   u ~ U[0, 1)</code>
    /// </summary>
    internal static Tensor Dequantised(Tensor bytes, Rng rng)
    {
        var x = bytes.to(float32);
        return x.add_(rng.UniformLike(x)).div_(128).sub_(1);
    }

    /// <summary>Refuses images that do not fit into memory, before they are read.</summary>
    /// <param name="count">How many images there are.</param>
    /// <param name="numbers">Numbers of one image.</param>
    /// <param name="bytes">Bytes of one number as it is read.</param>
    internal static void CheckMemory(string path, long count, double numbers, int bytes, string instead)
    {
        // The rows, a copy of them while they are scaled, noise for the copy, and the numbers as they were read, twice while they are split.
        var needs = count * numbers * (3 * sizeof(float) + 2 * bytes);
        if (needs > Capacity.Bytes)
            throw new InvalidDataException(
                FormattableString.Invariant(
                    $"{path}: {count} images of {numbers} numbers take {needs / 1e9:0.#} GB while they are read, and this machine has {Capacity.Bytes / 1e9:0.#} GB; {instead}."
                )
            );
    }
}
