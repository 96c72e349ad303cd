using System.Buffers.Binary;
using System.IO.Compression;

namespace Ebm.Records;

/// <summary>PNG files (RFC 2083: eight bits per channel or a palette index, one deflate stream), the same bytes for the same values.</summary>
public static class Png
{
    const int Gap = 2; // pixels between two images
    const int Smallest = 56; // images smaller than this are enlarged by whole factors, so that a viewer shows digits and not dots

    /// <summary>Whether rows of this shape are images: (1, H, W) or (3, H, W).</summary>
    public static bool Draws(long[] shape) => shape is [1 or 3, > 0, > 0];

    /// <summary>A grid of images.</summary>
    /// <param name="values">(count, channels, height, width), clamped to [−1, 1].</param>
    /// <param name="columns">Images per line.</param>
    public static byte[] Grid(ReadOnlySpan<float> values, int count, int channels, int height, int width, int columns)
    {
        var zoom = Math.Max(1, Smallest / Math.Max(height, width));
        var (cellHeight, cellWidth) = (height * zoom + Gap, width * zoom + Gap);
        columns = Math.Min(columns, count);
        var lines = (count + columns - 1) / columns;
        var (tall, wide) = (lines * cellHeight + Gap, columns * cellWidth + Gap);

        // Each line of a PNG starts with its filter type; 0 is none.
        var stride = 1 + wide * channels;
        var pixels = new byte[tall * stride];
        for (var image = 0; image < count; image++)
        {
            var (top, left) = (Gap + image / columns * cellHeight, Gap + image % columns * cellWidth);
            for (var y = 0; y < height * zoom; y++)
            for (var x = 0; x < width * zoom; x++)
            for (var channel = 0; channel < channels; channel++)
            {
                var value = values[((image * channels + channel) * height + y / zoom) * width + x / zoom];
                pixels[(top + y) * stride + 1 + (left + x) * channels + channel] = (byte)
                    Math.Clamp(Math.Round((value + 1) * 127.5), 0, 255);
            }
        }

        return File(wide, tall, channels == 1 ? Grey : Rgb, [], pixels);
    }

    /// <summary>An image with a palette, for fields of numbers shown by a colour map.</summary>
    /// <param name="indices">In row-major order from the top, one palette index per pixel.</param>
    /// <param name="palette">Three bytes per colour, at most 256 colours.</param>
    /// <param name="opacity">One byte per colour, 0 is transparent; null: all colours are opaque.</param>
    /// <exception cref="ArgumentException">The number of indices is not width × height, or the palette is not valid.</exception>
    public static byte[] Paletted(ReadOnlySpan<byte> indices, int width, int height, byte[] palette, byte[]? opacity = null)
    {
        if (width < 1 || height < 1 || indices.Length != width * height)
            throw new ArgumentException($"{width} × {height} pixels need as many indices, not {indices.Length}.", nameof(indices));
        if (palette.Length is 0 or > 768 || palette.Length % 3 != 0)
            throw new ArgumentException($"{palette.Length} bytes are not a valid palette of up to 256 colours.", nameof(palette));
        if (opacity is not null && opacity.Length > palette.Length / 3)
            throw new ArgumentException($"{opacity.Length} opacities are too many for {palette.Length / 3} colours.", nameof(opacity));
        var stride = width + 1;
        var (plain, above) = (new byte[stride * height], new byte[stride * height]);
        for (var y = 0; y < height; y++)
        {
            above[y * stride] = Up;
            for (var x = 0; x < width; x++)
            {
                var index = indices[y * width + x];
                plain[y * stride + 1 + x] = index;
                above[y * stride + 1 + x] = (byte)(index - (y == 0 ? 0 : indices[(y - 1) * width + x]));
            }
        }
        // Smooth fields compress better as differences, matrices unfiltered.
        var (one, other) = (File(width, height, Indexed, palette, plain, opacity), File(width, height, Indexed, palette, above, opacity));
        return one.Length <= other.Length ? one : other;
    }

    const byte Grey = 0,
        Rgb = 2,
        Indexed = 3; // kinds of colour
    const byte Up = 2; // the filter that subtracts the row above

    static byte[] File(int width, int height, byte kind, byte[] palette, byte[] pixels, byte[]? opacity = null)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, kind);
        Chunk(file, "IHDR"u8, header);
        if (palette.Length > 0)
            Chunk(file, "PLTE"u8, palette);
        if (opacity is not null)
            Chunk(file, "tRNS"u8, opacity);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            zlib.Write(pixels);
        Chunk(file, "IDAT"u8, packed.ToArray());
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    static void Chunk(Stream file, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(kind);
        file.Write(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, kind), content));
        file.Write(number);
    }

    static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return crc;
    }
}
