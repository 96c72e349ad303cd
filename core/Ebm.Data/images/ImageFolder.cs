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
/// A folder of PNG and JPEG files, in any sub-folders, such as one for each class; classes are not used. The folders train, validation and test
/// divide the pictures, or else the seed does. Each file is read, hashed and decoded once, one after the other, so that memory holds one picture in its
/// own size besides all images in theirs.
/// </summary>
static class ImageFolder
{
    public static Images Of(ImageFolderSpec spec, Site site)
    {
        var folder = spec.PicturesIn(site.DataRoot);
        var parts = Parts(folder, spec);
        var fit = new Fit(spec.Size, spec.Crop, spec.Background);
        var channels = spec.Channels;
        var files = new List<(string, string)>();
        byte[]? pixels = null;
        var (height, width, first) = (0, 0, "");
        foreach (var (i, name) in folder.Names.Index())
        {
            var path = folder.PathOf(name);
            var bytes = RegularFile.Bytes(path, Picture.LargestFile);
            files.Add((name, Canonical.Sha256(bytes)));
            if (pixels is null)
            {
                (height, width) = spec.Size is { } size ? (size, size) : Picture.Size(path, bytes);
                first = name;
                Images.CheckMemory(
                    folder.Path,
                    folder.Names.Count,
                    (double)channels * height * width,
                    1,
                    "set a smaller data.size, or use fewer files"
                );
                pixels = new byte[Checked(folder, (long)channels * height * width)];
            }
            // Before it is decoded, so that a wrong size is reported for a picture of any size.
            if (spec.Size is null && Picture.Size(path, bytes) is var own && own != (height, width))
                throw new InvalidDataException(
                    $"{folder.Path}: the pictures have different sizes, {first} {height} × {width} and {name} {own.Height} × {own.Width} (height × width); "
                        + "set a size for all of them, such as data.size=32."
                );
            var (colours, _, _) = Picture.Decode(path, bytes, fit);
            Place(colours, pixels.AsSpan(i * channels * height * width), channels, height * width);
        }

        using var scope = NewDisposeScope();
        var images = tensor(pixels!).reshape(folder.Names.Count, channels, height, width);
        return new Images("image-folder", spec.Folder, folder.Path, PictureFolder.DigestOf(files), Divided(), Images.Dequantised, site);

        (Tensor, Tensor, Tensor) Divided()
        {
            if (parts is not { } named)
            {
                var split = new Split(folder.Names.Count, spec.Test, spec.Validation, site);
                return (split.Train(images), split.Validation(images), split.Test(images));
            }
            Tensor Part(string part) => images.index_select(0, tensor(named[part].ToArray(), dtype: int64));
            if (named["validation"].Count > 0)
                return (Part("train"), Part("validation"), Part("test"));
            // Rows for validation are training rows that are set apart.
            var train = Part("train");
            var apart = new Split(train.shape[0], 0, spec.Validation, site);
            return (apart.Train(train), apart.Validation(train), Part("test"));
        }
    }

    /// <summary>The places of the pictures of each part; null if the seed divides them.</summary>
    /// <exception cref="InvalidDataException">A folder is missing, or there are pictures outside the folders.</exception>
    internal static Dictionary<string, List<long>>? Parts(PictureFolder folder, ImageFolderSpec spec)
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

    static int Checked(PictureFolder folder, long numbers) =>
        folder.Names.Count * numbers <= Array.MaxLength
            ? (int)(folder.Names.Count * numbers)
            : throw new InvalidDataException(
                $"{folder.Path}: {folder.Names.Count} images of {numbers} numbers are more than 2 GB; set a smaller data.size, or use fewer files."
            );

    /// <summary>Writes the colours of one image channel by channel.</summary>
    static void Place(byte[] colours, Span<byte> into, int channels, int pixels)
    {
        for (var i = 0; i < pixels; i++)
            if (channels == 1)
                into[i] = (byte)((299 * colours[3 * i] + 587 * colours[3 * i + 1] + 114 * colours[3 * i + 2] + 500) / 1000);
            else
                for (var channel = 0; channel < 3; channel++)
                    into[channel * pixels + i] = colours[3 * i + channel];
    }
}

/// <summary>A folder of PNG and JPEG files, as images in [−1, 1].</summary>
/// <param name="Folder">Path below the data root or the current folder, such as my-pngs. Sub-folders are searched, too.</param>
/// <param name="Size">Height and width of the images; null keeps the pictures' own size, which must be the same for all.</param>
/// <param name="Crop">With a size: cut the largest centred square out of each picture; false stretches the whole picture.</param>
/// <param name="Colour">rgb: three channels; grey: one.</param>
/// <param name="Background">The grey value, 0 to 255, behind transparent pixels.</param>
/// <param name="Split">auto: by the folders train, test and validation if there is a folder train, else by the seed; or folders, or seed.</param>
/// <param name="Test">Share of the pictures to test on, if the seed divides them.</param>
/// <param name="Validation">Share of the pictures for choices during training; with a folder train and none for validation, a share of train.</param>
[Kind("image-folder")]
public sealed record ImageFolderSpec(
    string Folder,
    int? Size = null,
    bool Crop = true,
    Colour Colour = Colour.Rgb,
    int Background = 255,
    PictureSplit Split = PictureSplit.Auto,
    double Test = .1,
    double Validation = .1
) : ISpec<IDataset>, IReadsFiles
{
    public string Folder { get; } = Require.DataPath(Folder);
    public int? Size { get; } = Require.Between(4, 1024, Size);
    public int Background { get; } = Require.Between(0, 255, Background);
    public double Test { get; } = Require.Between(0.001, 0.9, Test);
    public double Validation { get; } = Require.Between(0, 0.99 - Test, Validation);

    public IDataset Build(Site site) => ImageFolder.Of(this, site);

    internal PictureFolder PicturesIn(string dataRoot) =>
        PictureFolder.Look(DataPlace.Find(dataRoot, RelativePath.Parse(Folder, "data.folder"), "folder"));

    internal int Channels => Colour == Colour.Grey ? 1 : 3;

    /// <summary>By the size, or else by the first picture.</summary>
    public long[]? ShapeIn(string dataRoot)
    {
        if (Size is { } size)
            return [Channels, size, size];
        var folder = PicturesIn(dataRoot);
        var path = folder.PathOf(folder.Names[0]);
        var (height, width) = Picture.Size(path, RegularFile.Bytes(path, Picture.LargestFile));
        return [Channels, height, width];
    }

    /// <summary>Lists the pictures, and reads the first bytes of each.</summary>
    public void Check(string dataRoot)
    {
        var folder = PicturesIn(dataRoot);
        ImageFolder.Parts(folder, this);
        var start = new byte[8];
        foreach (var name in folder.Names)
        {
            using var file = RegularFile.Open(folder.PathOf(name));
            var got = start.AsSpan(0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false));
            if (
                !got.StartsWith((byte[])[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10])
                && !got.StartsWith((byte[])[0xFF, 0xD8, 0xFF])
            )
                throw new InvalidDataException(
                    $"{file.Name} is not a PNG or JPEG file, whatever its name says; replace it, or remove it from the folder."
                );
        }
    }
}
