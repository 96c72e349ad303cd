using System.Runtime.InteropServices;
using System.Runtime.Loader;
using SkiaSharp;

namespace Ebm.Data;

/// <summary>How pictures of any size become images of one size.</summary>
/// <param name="Height">Of the images.</param>
/// <param name="Width">Of the images.</param>
/// <param name="Like">The picture that has this size, if others are an error; null if they are made to fit.</param>
/// <param name="Crops">Cut the largest centred square out, instead of stretching the whole picture.</param>
/// <param name="Background">The grey value, 0 to 255, that shows through transparent pixels.</param>
/// <param name="Side">The side of the centred square; by default the largest that fits.</param>
sealed record Fit(int Height, int Width, string? Like, bool Crops, int Background, int? Side = null);

/// <summary>
/// Decodes PNG and JPEG files with SkiaSharp, upright as their EXIF orientation says. Images of another size are cut out first, then resampled
/// (<see cref="Resampling"/>), so that what is cut off has no influence.
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
    public static unsafe (int Height, int Width) Size(string where, ReadOnlyMemory<byte> bytes)
    {
        using var pin = bytes.Pin();
        using var data = SKData.Create((nint)pin.Pointer, bytes.Length);
        using var codec = Codec(where, data);
        var (height, width) = (codec.Info.Height, codec.Info.Width);
        return IsTurned(codec.EncodedOrigin) ? (width, height) : (height, width);
    }

    /// <summary>Whether the bytes are those of a JPEG file, by their beginning.</summary>
    public static bool IsJpeg(ReadOnlySpan<byte> bytes) => bytes.StartsWith((byte[])[0xFF, 0xD8, 0xFF]);

    /// <summary>Decodes a picture into values of eight bits, channel by channel, each in row-major order.</summary>
    /// <param name="where">The file, for errors.</param>
    /// <param name="into">C · H · W bytes; with three channels red, green and blue, with one the luminance.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or no PNG or JPEG file, or without a size in the fit it has another one; the message
    /// names it.</exception>
    public static unsafe void Decode(string where, ReadOnlyMemory<byte> bytes, Fit fit, Span<byte> into)
    {
        using var pin = bytes.Pin();
        using var data = SKData.Create((nint)pin.Pointer, bytes.Length);
        using var codec = Codec(where, data);
        var turned = IsTurned(codec.EncodedOrigin);
        var (width, height) = turned ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
        // Before it is decoded, so that a wrong size is reported for a picture of any size.
        if (fit.Like is { } first && (height, width) != (fit.Height, fit.Width))
            throw new InvalidDataException(
                $"{where} {height} × {width} and {first} {fit.Height} × {fit.Width} (height × width) have different sizes; set a size for all pictures, such as "
                    + "data.size=32."
            );
        if (fit.Side > Math.Min(width, height))
            throw new InvalidDataException(
                $"{where} is {height} × {width} (height × width), smaller than the square of {fit.Side} that is cut out of every picture; replace it, or set a "
                    + "smaller square."
            );
        // Shared arrays, which a collection does not have to free: the computing thread may be in a native call.
        var stored = System.Buffers.ArrayPool<byte>.Shared.Rent(4 * codec.Info.Width * codec.Info.Height);
        var square = Math.Min(fit.Side ?? int.MaxValue, Math.Min(width, height));
        var (shownHeight, shownWidth) = fit.Crops && fit.Like is null ? (square, square) : (height, width);
        var shown = System.Buffers.ArrayPool<byte>.Shared.Rent(4 * shownHeight * shownWidth);
        var resized = System.Buffers.ArrayPool<byte>.Shared.Rent(4 * fit.Height * fit.Width);
        try
        {
            fixed (
                byte* from = stored,
                    to = shown
            )
            {
                var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul);
                if (codec.GetPixels(info, (nint)from) is var result && result != SKCodecResult.Success)
                    throw new InvalidDataException(
                        $"{where}: the picture is damaged ({(result == SKCodecResult.IncompleteInput ? "the file ends too early" : "its content cannot be decoded")}); "
                            + "replace the file, or remove it from the folder."
                    );
                var asStored =
                    codec.EncodedOrigin is SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default
                    && (width, height) == (shownWidth, shownHeight)
                    && codec.Info.AlphaType == SKAlphaType.Opaque;
                if (!asStored)
                    Show(info, (nint)from, codec.EncodedOrigin, (height, width), fit.Background, (nint)to, (shownHeight, shownWidth));
                var colours = new ReadOnlySpan<byte>(asStored ? from : to, 4 * shownHeight * shownWidth);
                if ((shownHeight, shownWidth) != (fit.Height, fit.Width))
                {
                    Resampling.Run(colours, shownHeight, shownWidth, resized, fit.Height, fit.Width);
                    colours = resized;
                }
                Place(colours, into, fit.Height * fit.Width);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(stored);
            System.Buffers.ArrayPool<byte>.Shared.Return(shown);
            System.Buffers.ArrayPool<byte>.Shared.Return(resized);
        }
    }

    /// <summary>Draws the middle of the stored picture, upright and over its background, pixel by pixel.</summary>
    static void Show(
        SKImageInfo info,
        nint stored,
        SKEncodedOrigin origin,
        (int Height, int Width) upright,
        int background,
        nint into,
        (int Height, int Width) shown
    )
    {
        var to = new SKImageInfo(shown.Width, shown.Height, SKColorType.Rgba8888, SKAlphaType.Premul);
        using var surface = SKSurface.Create(to, into, to.RowBytes);
        var canvas = surface.Canvas;
        var grey = (byte)background;
        canvas.Clear(new SKColor(grey, grey, grey));
        canvas.Translate(-((upright.Width - shown.Width) / 2), -((upright.Height - shown.Height) / 2));
        canvas.Concat(Upright(origin, upright.Width, upright.Height));
        using var pixels = new SKPixmap(info, stored, info.RowBytes);
        using var image = SKImage.FromPixels(pixels);
        canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Nearest));
        canvas.Flush();
    }

    /// <summary>Takes red, green and blue of each pixel apart, or their luminance .299 R + .587 G + .114 B.</summary>
    static void Place(ReadOnlySpan<byte> colours, Span<byte> into, int pixels)
    {
        if (into.Length == pixels)
            for (var i = 0; i < pixels; i++)
                into[i] = (byte)((299 * colours[4 * i] + 587 * colours[4 * i + 1] + 114 * colours[4 * i + 2] + 500) / 1000);
        else
            for (var channel = 0; channel < 3; channel++)
            for (var i = 0; i < pixels; i++)
                into[channel * pixels + i] = colours[4 * i + channel];
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
