using System.Security.Cryptography;

namespace Ebm.Data;

/// <summary>
/// MNIST and data sets in its format: 60,000 + 10,000 grey images of 28 × 28, in gzipped IDX files under the original names.
/// </summary>
/// <param name="Folder">The folder below the data root.</param>
sealed record Digits(string Folder, Idx TrainImages, Idx TestImages)
{
    /// <param name="source">Where the user finds the files.</param>
    /// <param name="train">SHA-256 of the decompressed training images.</param>
    /// <param name="test">SHA-256 of the decompressed test images.</param>
    public static Digits In(string folder, string source, string train, string test)
    {
        var sentence =
            $"Put the files of {source}, under their original names, into the folder {folder} of the data root; --data or the variable EBM_DATA sets "
            + "the data root.";
        return new(
            folder,
            new("train-images-idx3-ubyte.gz", [60_000, 28, 28], train, sentence),
            new("t10k-images-idx3-ubyte.gz", [10_000, 28, 28], test, sentence)
        );
    }

    /// <summary>The set as it is published: images and labels.</summary>
    /// <param name="at">The folder of the files in the network.</param>
    /// <param name="labels">SHA-256 of the decompressed training and test labels, which are not read here.</param>
    public Published From(string says, string page, string at, (string Train, string Test) labels)
    {
        PublishedFile File(string name, string digest) => new($"{Folder}/{name}", at + name, DigestKind.ContentSha256, digest);
        return new(
            Folder,
            says,
            page,
            [
                File(TrainImages.Name, TrainImages.Sha256),
                File("train-labels-idx1-ubyte.gz", labels.Train),
                File(TestImages.Name, TestImages.Sha256),
                File("t10k-labels-idx1-ubyte.gz", labels.Test),
            ]
        );
    }

    /// <summary>The first images of both files.</summary>
    public IDataset Read(long train, long test, Steps steps, Site site)
    {
        using var scope = NewDisposeScope();
        var folder = Path.Combine(site.DataRoot, Folder);
        var values = cat([TrainImages.Read(folder).narrow(0, 0, train), TestImages.Read(folder).narrow(0, 0, test)], 0);
        var digest = Convert.ToHexStringLower(SHA256.HashData(values.bytes));
        var pixels = new HeldPixels(values.unsqueeze(1).to(site.Device).DetachFromDisposeScope());
        Tensor Places(long from, long count) => arange(from, from + count, dtype: int64, device: site.Device);
        return new Images(
            Folder,
            [$"{Folder}/{TrainImages.Name}", $"{Folder}/{TestImages.Name}"],
            folder,
            digest,
            pixels,
            (Places(0, train), Places(0, 0), Places(train, test)),
            steps,
            site
        );
    }

    /// <summary>Checks that both files are there and have the right headers.</summary>
    public void Check(string dataRoot)
    {
        TrainImages.Check(Path.Combine(dataRoot, Folder));
        TestImages.Check(Path.Combine(dataRoot, Folder));
    }
}

/// <summary>The settings of MNIST and data sets in its format.</summary>
/// <param name="Train">How many of the 60,000 training images to use, from the first on.</param>
/// <param name="Test">How many of the 10,000 test images to use, from the first on.</param>
public abstract record DigitsSpec(long Train, long Test, Dequantise Dequantise, Scale Scale, bool Flip) : ISpec<IDataset>, IReadsFiles
{
    private protected abstract Digits Files { get; }

    public long Train { get; } = Require.Between(2, 60_000, Train);
    public long Test { get; } = Require.Between(2, 10_000, Test);

    public IDataset Build(Site site) => Files.Read(Train, Test, new(Dequantise, Scale, Flip), site);

    public void Check(string dataRoot) => Files.Check(dataRoot);

    public long[]? ShapeIn(string dataRoot) => [1, 28, 28];
}
