using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using Ebm.Records;

namespace Ebm.Data;

/// <summary>The colours of an image.</summary>
public enum Colour
{
    /// <summary>One channel, the luminance .299 R + .587 G + .114 B.</summary>
    Grey,

    /// <summary>Three channels.</summary>
    Rgb,
}

/// <summary>How the pictures of a folder are divided.</summary>
public enum PictureSplit
{
    /// <summary>By folders if there is a folder train, else by the seed.</summary>
    Auto,

    /// <summary>By the seed's stream `split`.</summary>
    Seed,

    /// <summary>By the folders train, test and, if it is there, validation.</summary>
    Folders,
}

/// <summary>
/// PNG and JPEG files of a folder or a tar archive, in any sub-folders, such as one for each class; classes are not used. The folders train,
/// validation and test divide the pictures, or else the seed does. Every file is read, hashed and decoded once before training, so that a damaged
/// one is found at once. Where all images take more memory than a setting allows, they are not kept, and decoded again whenever rows are asked for.
/// </summary>
static class ImageFolder
{
    // So many pictures are decoded before the next error is looked for and the values are copied.
    const int Block = 256;

    public static Images Of(ImageFolderSpec spec, Site site)
    {
        var pictures = spec.PicturesIn(site.DataRoot);
        var parts = Parts(pictures, spec);
        var (height, width) = spec.Size is { } size ? (size, size) : pictures.With(0, bytes => Picture.Size(pictures.Where(0), bytes));
        var fit = new Fit(height, width, spec.Size is null ? pictures.Where(0) : null, spec.Crop, spec.Background);
        using var scope = NewDisposeScope();
        var (pixels, digest, jpegs) = Read(pictures, fit, [spec.Channels, height, width], spec.Held * 1e6, site.Device);
        return new Images(
            "image-folder",
            [spec.Folder],
            pictures.Path,
            digest,
            pixels,
            Divided(),
            new(spec.Dequantise, spec.Scale, spec.Flip),
            site
        )
        {
            Loss = Lost(spec.Folder, jpegs, pictures.Names.Count),
        };

        (Tensor, Tensor, Tensor) Divided()
        {
            if (parts is not { } named)
                return new Split(pictures.Names.Count, spec.Test, spec.Validation, site).Places;
            Tensor Part(string part) => tensor(named[part].ToArray(), dtype: int64).to(site.Device);
            if (named["validation"].Count > 0)
                return (Part("train"), Part("validation"), Part("test"));
            // Rows for validation are training rows that are set apart.
            var train = Part("train");
            var apart = new Split(train.shape[0], 0, spec.Validation, site);
            return (apart.Train(train), apart.Validation(train), Part("test"));
        }
    }

    /// <summary>Reads, hashes and decodes every picture, several at a time.</summary>
    /// <param name="held">The most bytes of values that are kept.</param>
    /// <returns>The values; the digest of names and files; the number of JPEG files.</returns>
    /// <exception cref="InvalidDataException">The first picture that is damaged or has another size.</exception>
    internal static (Pixels Pixels, string Digest, int Jpegs) Read(Pictures pictures, Fit fit, long[] shape, double held, Device device)
    {
        var (count, numbers) = (pictures.Names.Count, (int)shape.Size());
        Images.CheckMemory(pictures.Path, Block, numbers, 1, "set a smaller data.size");
        var values = (double)count * numbers <= held ? empty([count, .. shape], dtype: uint8) : null;
        using var names = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var hashes = new string[Block];
        var jpegs = 0;
        var block = Enumerable.Range(0, Math.Min(Block, count)).Select(_ => new byte[numbers]).ToArray();
        var errors = new Exception?[Block];
        for (var from = 0; from < count; from += Block)
        {
            var (first, some) = (from, Math.Min(Block, count - from));
            Parallel.For(
                0,
                some,
                i =>
                {
                    try
                    {
                        hashes[i] = pictures.With(first + i, bytes => Convert.ToHexStringLower(SHA256.HashData(bytes.Span)));
                        if (DecodedPixels.Decode(pictures, first + i, fit, block[i]))
                            Interlocked.Increment(ref jpegs);
                    }
                    catch (Exception error)
                    {
                        errors[i] = error;
                    }
                }
            );
            // Threads finish in any order, and the error is always that of the first picture.
            if (errors.FirstOrDefault(error => error is not null) is { } error)
                ExceptionDispatchInfo.Throw(error);
            for (var i = 0; i < some; i++)
                names.AppendData(PictureFolder.Line(pictures.Names[from + i], hashes[i]));
            if (values is null)
                continue;
            using var part = values.narrow(0, from, some);
            var bytes = part.bytes;
            for (var i = 0; i < some; i++)
                block[i].CopyTo(bytes[(i * numbers)..]);
        }
        Pixels pixels = values is null
            ? new DecodedPixels(pictures, fit, shape, device)
            : new HeldPixels(values.to(device).DetachFromDisposeScope());
        return (pixels, Convert.ToHexStringLower(names.GetHashAndReset()), jpegs);
    }

    /// <summary>The loss of JPEG as a sentence; null if there is none.</summary>
    internal static string? Lost(string folder, int jpegs, int of) =>
        jpegs == 0
            ? null
            : $"{folder}: {(jpegs == of ? "its pictures" : FormattableString.Invariant($"{jpegs:N0} of its {of:N0} pictures"))} are JPEG files, which lose detail; "
                + "do not compare these figures with figures of the original pictures.";

    /// <summary>The places of the pictures of each part; null if the seed divides them.</summary>
    /// <exception cref="InvalidDataException">A folder is missing, or there are pictures outside the folders.</exception>
    internal static Dictionary<string, List<long>>? Parts(Pictures folder, ImageFolderSpec spec)
    {
        string[] names = ["train", "validation", "test"];
        var parts = names.ToDictionary(part => part, _ => new List<long>());
        var outside = "";
        foreach (var (i, name) in folder.Names.Index())
            if (name.Contains('/') && parts.TryGetValue(name[..name.IndexOf('/')], out var part))
                part.Add(i);
            else
                outside = name;
        if (spec.Split == PictureSplit.Seed || (spec.Split == PictureSplit.Auto && parts["train"].Count == 0))
            return null;
        if (names.FirstOrDefault(part => part != "validation" && parts[part].Count == 0) is { } missing)
            throw new InvalidDataException(
                $"{folder.Path} has no pictures in a folder {missing}; make the folders train and test, or write data.split=seed to divide all pictures by "
                    + "the seed."
            );
        if (outside != "")
            throw new InvalidDataException(
                $"{folder.Path} has pictures outside the folders train, validation and test, such as {outside}; move them into one of these, or write "
                    + "data.split=seed to divide all pictures by the seed."
            );
        return parts;
    }
}

/// <summary>A folder or tar archive of PNG and JPEG files, as images.</summary>
/// <param name="Folder">Path below the data root or the current folder, such as my-pngs, or an archive, .tar, .tar.gz or .tar.xz. Sub-folders are searched, too.</param>
/// <param name="Size">Height and width of the images; null keeps the pictures' own size, which must be the same for all.</param>
/// <param name="Crop">With a size: cut the largest centred square out of each picture; false stretches the whole picture.</param>
/// <param name="Colour">rgb: three channels; grey: one.</param>
/// <param name="Background">The grey value, 0 to 255, behind transparent pixels.</param>
/// <param name="Split">auto: by the folders train, test and validation if there is a folder train, else by the seed; or folders, or seed.</param>
/// <param name="Test">Share of the pictures to test on, if the seed divides them.</param>
/// <param name="Validation">Share of the pictures for choices during training; with a folder train and none for validation, a share of train.</param>
/// <param name="Dequantise">uniform: noise of one grey value's width makes the values continuous; none: they stay discrete.</param>
/// <param name="Scale">symmetric: values in [−1, 1]; unit: in [0, 1].</param>
/// <param name="Flip">Whether training mirrors pictures left to right, each time with probability ½.</param>
/// <param name="Held">Megabytes that the decoded images may take in memory, a byte per value; a larger set is decoded again whenever rows are asked for.</param>
[Kind("image-folder")]
public sealed record ImageFolderSpec(
    string Folder,
    int? Size = null,
    bool Crop = true,
    Colour Colour = Colour.Rgb,
    int Background = 255,
    PictureSplit Split = PictureSplit.Auto,
    double Test = .1,
    double Validation = .1,
    [OldRunsHad(Dequantise.Uniform)] Dequantise Dequantise = Dequantise.Uniform,
    [OldRunsHad(Scale.Symmetric)] Scale Scale = Scale.Symmetric,
    [OldRunsHad(false)] bool Flip = false,
    [NoIdentity] int Held = 256
) : ISpec<IDataset>, IReadsFiles
{
    public string Folder { get; } = Require.DataPath(Folder);
    public int? Size { get; } = Require.Between(4, 1024, Size);
    public int Background { get; } = Require.Between(0, 255, Background);
    public double Test { get; } = Require.Between(0.001, 0.9, Test);
    public double Validation { get; } = Require.Between(0, 0.99 - Test, Validation);
    public int Held { get; } = Require.Between(0, 1_000_000, Held);

    public IDataset Build(Site site) => ImageFolder.Of(this, site);

    string PathIn(string dataRoot) => DataPlace.Find(dataRoot, RelativePath.Parse(Folder, "data.folder"), "folder");

    internal Pictures PicturesIn(string dataRoot) => Pictures.Of(PathIn(dataRoot));

    internal int Channels => Colour == Colour.Grey ? 1 : 3;

    /// <summary>By the size, or else by the first picture.</summary>
    public long[]? ShapeIn(string dataRoot)
    {
        if (Size is { } size)
            return [Channels, size, size];
        var path = PathIn(dataRoot);
        var (height, width) =
            PictureArchive.Is(path) ? PictureArchive.First(path, Picture.Size)
            : PicturesIn(dataRoot) is var pictures ? pictures.With(0, bytes => Picture.Size(pictures.Where(0), bytes))
            : default;
        return [Channels, height, width];
    }

    /// <summary>Lists the pictures, and reads the first bytes of each; of an archive, which takes long, those of the first.</summary>
    public void Check(string dataRoot)
    {
        var path = PathIn(dataRoot);
        if (PictureArchive.Is(path))
        {
            PictureArchive.First(path, Picture.Size);
            return;
        }
        var pictures = PicturesIn(dataRoot);
        ImageFolder.Parts(pictures, this);
        var start = new byte[8];
        for (var i = 0; i < pictures.Names.Count; i++)
        {
            using var file = RegularFile.Open(pictures.Where(i));
            var got = start.AsSpan(0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false));
            if (!got.StartsWith((byte[])[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]) && !Picture.IsJpeg(got))
                throw new InvalidDataException(
                    $"{file.Name} is not a PNG or JPEG file, whatever its name says; replace it, or remove it from the folder."
                );
        }
    }
}
