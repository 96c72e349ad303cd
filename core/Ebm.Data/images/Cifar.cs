using System.Globalization;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// The binary version of CIFAR (Krizhevsky 2009): records of one or two labels and 3 · 32 · 32 values, the planes of red, green and blue, each in
/// row-major order. Labels are not used.
/// </summary>
/// <param name="Folder">The folder below the data root, as the published archive unpacks.</param>
/// <param name="Train">The files of training images.</param>
/// <param name="TrainRecords">Records of each of them.</param>
/// <param name="Test">The file of test images.</param>
/// <param name="TestRecords">Its records.</param>
/// <param name="Labels">Bytes of labels before the values.</param>
/// <param name="Archive">The name of the published archive, for errors.</param>
sealed record Cifar(string Folder, string[] Train, int TrainRecords, string Test, int TestRecords, int Labels, string Archive)
{
    const int Side = 32,
        Values = 3 * Side * Side;

    int Record => Labels + Values;

    /// <summary>The set as it is published.</summary>
    /// <param name="md5">The digest on the official page.</param>
    public Published From(string name, string says, string md5) =>
        new(
            name,
            says,
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            [new(Archive, $"https://www.cs.toronto.edu/~kriz/{Archive}", DigestKind.Md5, md5, Folder)]
        );

    public IDataset Read(string name, Steps steps, Site site)
    {
        using var scope = NewDisposeScope();
        var folder = Path.Combine(site.DataRoot, Folder);
        var train = Train.Length * TrainRecords;
        var values = empty([train + TestRecords, 3, Side, Side], dtype: uint8);
        var bytes = values.bytes;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var at = 0;
        foreach (var (file, records) in Files)
        {
            Fill(Checked(folder, file, records), hash, bytes.Slice(Values * at, Values * records));
            at += records;
        }
        Tensor Places(long from, long count) => arange(from, from + count, dtype: int64, device: site.Device);
        return new Images(
            name,
            [.. Files.Select(file => $"{Folder}/{file.Name}")],
            folder,
            Convert.ToHexStringLower(hash.GetHashAndReset()),
            new HeldPixels(values.to(site.Device).DetachFromDisposeScope()),
            (Places(0, train), Places(0, 0), Places(train, TestRecords)),
            steps,
            site
        );
    }

    /// <summary>Checks that the files are there and have the right sizes.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file has another size.</exception>
    public void Check(string dataRoot)
    {
        foreach (var (file, records) in Files)
            Checked(Path.Combine(dataRoot, Folder), file, records);
    }

    IEnumerable<(string Name, int Records)> Files => [.. Train.Select(name => (name, TrainRecords)), (Test, TestRecords)];

    string Checked(string folder, string name, int records)
    {
        var path = Path.Combine(folder, name);
        var source =
            $"Unpack {Archive} into the data root, so that its folder {Folder} is there; --data or the variable EBM_DATA sets the data root.";
        if (!Path.Exists(path))
            throw new FileNotFoundException($"{path} is missing. {source}", path);
        using var file = RegularFile.Open(path);
        return file.Length == (long)records * Record
            ? path
            : throw new InvalidDataException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{path} has {file.Length:N0} bytes, and the original has {records:N0} records of {Record:N0} bytes, {(long)records * Record:N0}. {source}"
                )
            );
    }

    void Fill(string path, IncrementalHash hash, Span<byte> into)
    {
        using var file = new BufferedStream(RegularFile.Open(path), 1 << 20);
        var record = new byte[Record];
        for (; into.Length > 0; into = into[Values..])
        {
            file.ReadExactly(record);
            hash.AppendData(record);
            record.AsSpan(Labels).CopyTo(into);
        }
    }
}

/// <summary>CIFAR-10: 50,000 + 10,000 colour images (3, 32, 32), from the binary version under cifar-10-batches-bin/ in the data root.</summary>
/// <param name="Dequantise">uniform: noise of one value's width makes the values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors images left to right, each time with probability ½.</param>
[Kind("cifar-10")]
public sealed record Cifar10Spec(Dequantise Dequantise = Dequantise.Uniform, Scale Scale = Scale.Symmetric, bool Flip = true)
    : ISpec<IDataset>,
        IReadsFiles
{
    static readonly Cifar Files = new(
        "cifar-10-batches-bin",
        [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")],
        10_000,
        "test_batch.bin",
        10_000,
        1,
        "cifar-10-binary.tar.gz"
    );

    public static readonly Published Published = Files.From(
        "cifar-10",
        "50,000 + 10,000 pictures of ten classes, 32×32 in colour",
        "c32a1d4ab5d03f1284b67883e8d87530"
    );

    public IDataset Build(Site site) => Files.Read("cifar-10", new(Dequantise, Scale, Flip), site);

    public void Check(string dataRoot) => Files.Check(dataRoot);

    public long[]? ShapeIn(string dataRoot) => [3, 32, 32];
}

/// <summary>CIFAR-100: 50,000 + 10,000 colour images (3, 32, 32), from the binary version under cifar-100-binary/ in the data root.</summary>
/// <inheritdoc cref="Cifar10Spec"/>
[Kind("cifar-100")]
public sealed record Cifar100Spec(Dequantise Dequantise = Dequantise.Uniform, Scale Scale = Scale.Symmetric, bool Flip = true)
    : ISpec<IDataset>,
        IReadsFiles
{
    static readonly Cifar Files = new("cifar-100-binary", ["train.bin"], 50_000, "test.bin", 10_000, 2, "cifar-100-binary.tar.gz");

    public static readonly Published Published = Files.From(
        "cifar-100",
        "50,000 + 10,000 pictures of a hundred classes, 32×32 in colour",
        "03b5dce01913d631647c71ecec9e9cb8"
    );

    public IDataset Build(Site site) => Files.Read("cifar-100", new(Dequantise, Scale, Flip), site);

    public void Check(string dataRoot) => Files.Check(dataRoot);

    public long[]? ShapeIn(string dataRoot) => [3, 32, 32];
}

/// <summary>CIFAR-10 encoded again as JPEG, which an `image-folder` reads. Nobody serves it under an address that would last.</summary>
static class Cifar10Jpeg
{
    public static readonly Published Published = new(
        "cifar10-jpeg",
        "CIFAR-10 encoded again as JPEG, which loses detail",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        [
            new(
                "cifar10-jpeg/cifar10-jpeg.tar.xz",
                null,
                DigestKind.Sha256,
                "e82212b8f8580e3e79f41a32c7db0e6a5b8fb10188d1723b706e150379c98be9"
            ),
        ]
    );
}
