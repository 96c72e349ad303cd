using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// Street View House Numbers, cropped digits (Netzer et al. 2011): 73,257 + 26,032 colour images (3, 32, 32), from train_32x32.mat and
/// test_32x32.mat under svhn/ in the data root. Each file has an array X of 32 × 32 × 3 × n bytes.
/// </summary>
/// <param name="Dequantise">uniform: noise of one value's width makes the values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors images left to right, each time with probability ½; digits do not look the same.</param>
[Kind("svhn")]
public sealed record SvhnSpec(Dequantise Dequantise = Dequantise.Uniform, Scale Scale = Scale.Symmetric, bool Flip = false)
    : ISpec<IDataset>,
        IReadsFiles
{
    const string Folder = "svhn",
        Array = "X",
        Source =
            "Put train_32x32.mat and test_32x32.mat of \"The Street View House Numbers (SVHN) Dataset\" into the folder svhn of the data root; --data or the "
            + "variable EBM_DATA sets the data root.";

    static readonly string[] Names = ["train_32x32.mat", "test_32x32.mat"];

    /// <summary>The page states no digests; these are those of torchvision's reader.</summary>
    public static readonly Published Published = new(
        "svhn",
        "73,257 + 26,032 house numbers, 32×32 in colour",
        "http://ufldl.stanford.edu/housenumbers/",
        [
            new(
                $"{Folder}/{Names[0]}",
                $"http://ufldl.stanford.edu/housenumbers/{Names[0]}",
                DigestKind.Md5,
                "e26dedcc434d2e4c54c9b2d4a06d8373"
            ),
            new(
                $"{Folder}/{Names[1]}",
                $"http://ufldl.stanford.edu/housenumbers/{Names[1]}",
                DigestKind.Md5,
                "eb5a983be6a315427106f1b164d9cef3"
            ),
        ]
    );

    public IDataset Build(Site site)
    {
        using var scope = NewDisposeScope();
        var paths = Checked(site.DataRoot);
        // (n, channel, column, row): the file's first size, the rows of an image, is the fastest.
        Tensor[] parts = [.. paths.Select(path => MatFile.Bytes(path, Array, Source).permute(0, 1, 3, 2))];
        var (train, test) = (parts[0].shape[0], parts[1].shape[0]);
        Tensor Places(long from, long count) => arange(from, from + count, dtype: int64, device: site.Device);
        return new Images(
            "svhn",
            [.. Names.Select(name => $"{Folder}/{name}")],
            Path.Combine(site.DataRoot, Folder),
            Content.Digest(parts),
            new HeldPixels(cat(parts, 0).contiguous().to(site.Device).DetachFromDisposeScope()),
            (Places(0, train), Places(0, 0), Places(train, test)),
            new(Dequantise, Scale, Flip),
            site
        );
    }

    public void Check(string dataRoot) => Checked(dataRoot);

    public long[]? ShapeIn(string dataRoot) => [3, 32, 32];

    /// <summary>The paths of the files, which are there and have arrays of the right sizes.</summary>
    static string[] Checked(string dataRoot)
    {
        string[] paths = [.. Names.Select(name => Path.Combine(dataRoot, Folder, name))];
        foreach (var path in paths)
        {
            if (!Path.Exists(path))
                throw new FileNotFoundException($"{path} is missing. {Source}", path);
            if (MatFile.Sizes(path, Array, Source) is var sizes && sizes is not [32, 32, 3, _])
                throw new InvalidDataException(
                    $"{path} has an array {Array} of {string.Join(" × ", sizes)}; 32 × 32 × 3 × n is due. {Source}"
                );
        }
        return paths;
    }
}
