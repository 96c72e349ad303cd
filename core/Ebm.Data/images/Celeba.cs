using Ebm.Records;

namespace Ebm.Data;

/// <summary>
/// CelebA's aligned faces (Liu et al. 2015): JPEG files of 178 × 218 in celeba/img_align_celeba/ below the data root, divided by
/// celeba/list_eval_partition.txt. A centred square is cut out and resized. Its side of 178 drops the upper and lower 20 rows, as the code of
/// recovery likelihood does; 140 is the other usual one, in the code of noise-conditional score networks. Published figures depend on it.
/// </summary>
/// <param name="Size">Height and width of the images.</param>
/// <param name="Side">Side of the centred square in pixels of the file.</param>
/// <param name="Dequantise">uniform: noise of one value's width makes the values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors images left to right, each time with probability ½.</param>
/// <param name="Held">Megabytes that the decoded images may take in memory, a byte per value; a larger set is decoded again whenever rows are asked for.</param>
[Kind("celeba")]
public sealed record CelebaSpec(
    int Size = 64,
    int Side = 178,
    Dequantise Dequantise = Dequantise.Uniform,
    Scale Scale = Scale.Symmetric,
    bool Flip = true,
    [NoIdentity] int Held = 256
) : ISpec<IDataset>, IReadsFiles
{
    const string Folder = "celeba/img_align_celeba",
        Partition = "celeba/list_eval_partition.txt",
        Source =
            "Put the folder img_align_celeba and the file list_eval_partition.txt of \"Large-scale CelebFaces Attributes (CelebA) Dataset\" into the folder celeba "
            + "of the data root; --data or the variable EBM_DATA sets the data root.";

    /// <summary>The page asks for consent, so a person downloads the files; it states no digest of the list.</summary>
    public static readonly Published Published = new(
        "celeba",
        "202,599 faces, 178×218 in colour, for research only",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        [
            new("celeba/img_align_celeba.zip", null, DigestKind.Md5, "00d2c5bc6d35e252742224ab0c1e8fcb", Folder),
            new(Partition, null, DigestKind.FirstFetch, null),
        ]
    );

    public int Size { get; } = Require.Between(4, 178, Size);
    public int Side { get; } = Require.Between(4, 178, Side);
    public int Held { get; } = Require.Between(0, 1_000_000, Held);

    public IDataset Build(Site site)
    {
        using var scope = NewDisposeScope();
        var pictures = Pictures.Of(FolderIn(site.DataRoot));
        var parts = Parts(site.DataRoot, pictures.Names);
        var fit = new Fit(Size, Size, null, Crops: true, 0, Side);
        var (pixels, digest, _) = ImageFolder.Read(pictures, fit, [3, Size, Size], Held * 1e6, site.Device);
        Tensor Part(int part) => tensor(parts[part].ToArray(), dtype: int64).to(site.Device);
        return new Images(
            "celeba",
            [Folder, Partition],
            pictures.Path,
            Canonical.Sha256($"{digest} {DigestCache.Of(Path.Combine(site.DataRoot, Partition))}\n"),
            pixels,
            (Part(0), Part(1), Part(2)),
            new(Dequantise, Scale, Flip),
            site
        );
    }

    /// <summary>Checks that folder and list are there and fit each other.</summary>
    public void Check(string dataRoot) => Parts(dataRoot, PictureFolder.Look(FolderIn(dataRoot)).Names);

    static string FolderIn(string dataRoot) =>
        Path.Combine(dataRoot, Folder) is var path && Directory.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing. {Source}", path);

    public long[]? ShapeIn(string dataRoot) => [3, Size, Size];

    /// <summary>The places of the training, validation and test pictures, by the list's lines "000001.jpg 0", where 0, 1 and 2 are the parts.</summary>
    static List<long>[] Parts(string dataRoot, IReadOnlyList<string> names)
    {
        var path = Path.Combine(dataRoot, Partition);
        if (!Path.Exists(path))
            throw new FileNotFoundException($"{path} is missing. {Source}", path);
        var places = names.Index().ToDictionary(picture => picture.Item, picture => (long)picture.Index);
        List<long>[] parts =
        [
            [],
            [],
            [],
        ];
        foreach (var (at, line) in RegularFile.Lines(path).Index())
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var name, "0" or "1" or "2"])
                throw new InvalidDataException(
                    $"{path}, line {at + 1}: \"{Shortened(line)}\" is not the name of a picture and 0, 1 or 2. {Source}"
                );
            if (!places.Remove(name, out var place))
                throw new InvalidDataException(
                    $"{path}, line {at + 1}: {name} is not in {Path.Combine(dataRoot, Folder)}, or it is listed twice. {Source}"
                );
            parts[line.TrimEnd()[^1] - '0'].Add(place);
        }
        return places.Count == 0
            ? parts
            : throw new InvalidDataException($"{path} does not list {places.Keys.First()}, which is in the folder. {Source}");
    }

    static string Shortened(string line) => line.Length <= 40 ? line : line[..40] + "…";
}
