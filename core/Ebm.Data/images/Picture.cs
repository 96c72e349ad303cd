using System.Runtime.InteropServices;
using System.Runtime.Loader;
using SkiaSharp;

namespace Ebm.Data;

/// <summary>How pictures of any size become images of one size.</summary>
/// <param name="Size">Height and width; null keeps the picture's own.</param>
/// <param name="Crop">Cut the largest centred square out, instead of stretching the whole picture.</param>
/// <param name="Background">The grey value, 0 to 255, that shows through transparent pixels.</param>
sealed record Fit(int? Size, bool Crop, int Background);

/// <summary>
/// Decodes PNG and JPEG files with SkiaSharp, upright as their EXIF orientation says. Smaller images are made by averaging (mipmaps and linear
/// interpolation), so fine patterns become grey instead of false patterns.
/// </summary>
static class Picture
{
    // A small file may decompress to gigabytes.
    const long MostPixels = 100_000_000;

    internal const int LargestFile = 256 << 20;

    static Picture()
    {
        if (AssemblyLoadContext.GetLoadContext(typeof(SKBitmap).Assembly) is { } context)
            context.ResolvingUnmanagedDll += (_, name) => name == "libSkiaSharp" ? NativeLibrary.Load(Natives.Skia) : 0;
    }

    /// <summary>Height and width of the upright picture.</summary>
    /// <exception cref="InvalidDataException">The bytes are no PNG or JPEG file, or the picture is too large.</exception>
    public static (int Height, int Width) Size(string path, byte[] bytes)
    {
        using var data = SKData.CreateCopy(bytes);
        using var codec = Codec(path, data);
        var (height, width) = (codec.Info.Height, codec.Info.Width);
        return IsTurned(codec.EncodedOrigin) ? (width, height) : (height, width);
    }

    /// <summary>The colours of a picture, red, green and blue of each pixel in row-major order, in 0 … 255.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or no PNG or JPEG file; the message names it.</exception>
    public static (byte[] Colours, int Height, int Width) Decode(string path, byte[] bytes, Fit fit)
    {
        using var data = SKData.CreateCopy(bytes);
        using var codec = Codec(path, data);
        using var source = new SKBitmap(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        if (codec.GetPixels(source.Info, source.GetPixels()) is var result && result != SKCodecResult.Success)
            throw new InvalidDataException(
                $"{path}: the picture is damaged ({(result == SKCodecResult.IncompleteInput ? "the file ends too early" : "its content cannot be decoded")}); "
                    + "replace the file, or remove it from the folder."
            );
        source.SetImmutable();
        var turned = IsTurned(codec.EncodedOrigin);
        var (width, height) = turned ? (source.Height, source.Width) : (source.Width, source.Height);
        var (toWidth, toHeight) = fit.Size is { } size ? (size, size) : (width, height);
        using var target = new SKBitmap(new SKImageInfo(toWidth, toHeight, SKColorType.Rgba8888, SKAlphaType.Premul));
        using (var canvas = new SKCanvas(target))
        {
            var grey = (byte)fit.Background;
            canvas.Clear(new SKColor(grey, grey, grey));
            // The part of the upright picture that is shown, then the upright picture from the stored one.
            var (shownWidth, shownHeight) = fit is { Size: not null, Crop: true }
                ? (Math.Min(width, height), Math.Min(width, height))
                : (width, height);
            canvas.Scale((float)toWidth / shownWidth, (float)toHeight / shownHeight);
            canvas.Translate(-((width - shownWidth) / 2), -((height - shownHeight) / 2));
            canvas.Concat(Upright(codec.EncodedOrigin, width, height));
            using var image = SKImage.FromBitmap(source);
            var same = (toWidth, toHeight) == (shownWidth, shownHeight);
            canvas.DrawImage(
                image,
                0,
                0,
                same ? new SKSamplingOptions(SKFilterMode.Nearest) : new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear)
            );
            canvas.Flush();
        }
        var pixels = target.GetPixelSpan();
        var colours = new byte[toWidth * toHeight * 3];
        for (var i = 0; i < toWidth * toHeight; i++)
            pixels.Slice(4 * i, 3).CopyTo(colours.AsSpan(3 * i));
        return (colours, toHeight, toWidth);
    }

    static SKCodec Codec(string path, SKData data)
    {
        var codec = SKCodec.Create(data);
        if (codec?.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg))
        {
            codec?.Dispose();
            throw new InvalidDataException(
                $"{path} is not a PNG or JPEG file, or its header is damaged; replace it, or remove it from the folder."
            );
        }
        if ((long)codec.Info.Width * codec.Info.Height is var pixels && pixels > MostPixels)
        {
            codec.Dispose();
            throw new InvalidDataException(
                $"{path} has {pixels / 1_000_000} million pixels, and a picture may have {MostPixels / 1_000_000} million; make it smaller."
            );
        }
        return codec;
    }

    static bool IsTurned(SKEncodedOrigin origin) => origin >= SKEncodedOrigin.LeftTop;

    /// <summary>The map from a stored picture to the upright one of this width and height.</summary>
    static SKMatrix Upright(SKEncodedOrigin origin, int width, int height) =>
        origin switch
        {
            SKEncodedOrigin.TopRight => new(-1, 0, width, 0, 1, 0, 0, 0, 1),
            SKEncodedOrigin.BottomRight => new(-1, 0, width, 0, -1, height, 0, 0, 1),
            SKEncodedOrigin.BottomLeft => new(1, 0, 0, 0, -1, height, 0, 0, 1),
            SKEncodedOrigin.LeftTop => new(0, 1, 0, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightTop => new(0, -1, width, 1, 0, 0, 0, 0, 1),
            SKEncodedOrigin.RightBottom => new(0, -1, width, -1, 0, height, 0, 0, 1),
            SKEncodedOrigin.LeftBottom => new(0, 1, 0, -1, 0, height, 0, 0, 1),
            _ => SKMatrix.Identity,
        };
}
