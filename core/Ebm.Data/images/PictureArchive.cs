using System.Formats.Tar;
using System.IO.Compression;
using Ebm.Records;
using Microsoft.Win32.SafeHandles;
using SharpCompress.Compressors.Xz;

namespace Ebm.Data;

/// <summary>
/// The pictures in a tar archive. A plain one is read at any place; of a compressed one, which can only be read from its beginning, the files are
/// kept in memory as they are, not decoded.
/// </summary>
sealed class PictureArchive : Pictures
{
    // Pictures of more bytes belong in a folder.
    const long MostPacked = 1L << 30;

    /// <summary>The most bytes that a compressed archive may have when decompressed, pictures or not: a small file may decompress to terabytes.</summary>
    internal static long MostUnpacked { get; set; } = 1L << 32;

    readonly string path;
    readonly List<Entry> entries;
    readonly SafeFileHandle? file;

    PictureArchive(string path, List<Entry> entries, SafeFileHandle? file)
    {
        (this.path, this.entries, this.file) = (path, entries, file);
        Names = entries.ConvertAll(entry => entry.Name);
    }

    public override string Path => path;
    public override IReadOnlyList<string> Names { get; }

    public override string Where(int picture) => $"{path}, {Names[picture]}";

    /// <param name="Offset">The place of its bytes in a plain archive.</param>
    /// <param name="Bytes">Its bytes, of a compressed archive.</param>
    sealed record Entry(string Name, long Offset, int Length, byte[]? Bytes);

    /// <summary>Whether a path names an archive, by its ending.</summary>
    public static bool Is(string path) =>
        PictureFolder.Archives.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) && !Directory.Exists(path);

    public override T With<T>(int picture, Func<ReadOnlyMemory<byte>, T> use) =>
        entries[picture] is var entry && entry.Bytes is { } bytes
            ? use(bytes)
            : With(file!, entry.Offset, entry.Length, Where(picture), use);

    /// <summary>Reads the list of pictures, and those of a compressed archive.</summary>
    /// <exception cref="InvalidDataException">It is damaged or has no pictures; the message names the last whole entry.</exception>
    public static PictureArchive Read(string path)
    {
        var entries = new List<Entry>();
        var packed = 0L;
        foreach (var entry in Entries(path))
        {
            if (entries.Count == PictureFolder.Most)
                throw new InvalidDataException($"{path} has more than {PictureFolder.Most} pictures; name an archive with fewer.");
            if ((packed += entry.Bytes?.Length ?? 0) > MostPacked)
                throw new InvalidDataException(
                    $"{path} is compressed, and its pictures have more than {MostPacked >> 30} GB; unpack it, and name the folder or the .tar file."
                );
            entries.Add(entry);
        }
        entries.Sort((one, other) => string.CompareOrdinal(one.Name, other.Name));
        for (var i = 1; i < entries.Count; i++)
            if (entries[i].Name == entries[i - 1].Name)
                throw new InvalidDataException($"{path} has {entries[i].Name} twice; pack it again from a folder.");
        if (entries.Count == 0)
            throw new InvalidDataException($"{path} has no PNG or JPEG files; name an archive that has some.");
        return new(path, entries, Unpacked(path) is null ? File.OpenHandle(path) : null);
    }

    /// <summary>The first picture in the archive's own order, for a quick look.</summary>
    public static T First<T>(string path, Func<string, ReadOnlyMemory<byte>, T> use)
    {
        foreach (var entry in Entries(path))
        {
            if (entry.Bytes is { } bytes)
                return use($"{path}, {entry.Name}", bytes);
            using var file = File.OpenHandle(path);
            return With(file, entry.Offset, entry.Length, path, all => use($"{path}, {entry.Name}", all));
        }
        throw new InvalidDataException($"{path} has no PNG or JPEG files; name an archive that has some.");
    }

    /// <summary>The decompression of a file with this ending; null for a plain archive.</summary>
    static Func<Stream, Stream>? Unpacked(string path) =>
        path.EndsWith("gz", StringComparison.OrdinalIgnoreCase) ? packed => new GZipStream(packed, CompressionMode.Decompress)
        : path.EndsWith("xz", StringComparison.OrdinalIgnoreCase) ? packed => new XZStream(packed)
        : null;

    static IEnumerable<Entry> Entries(string path)
    {
        using var file = RegularFile.Open(path);
        var unpacked = Unpacked(path);
        using var content = new Counted(unpacked?.Invoke(file) ?? file, path, unpacked is null ? long.MaxValue : MostUnpacked);
        using var archive = new TarReader(content);
        var last = "";
        while (Next(archive) is { } entry)
        {
            last = entry.Name;
            var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
            if (entry.EntryType is TarEntryType.Directory || !PictureFolder.Takes(name, $"{path}, {name}"))
                continue;
            if (entry.DataStream is not { } data)
                throw new InvalidDataException($"{path}, {name} is a link or an empty file, not a picture; pack the pictures themselves.");
            var length = Checked($"{path}, {name}", entry.Length);
            if (unpacked is not null)
                yield return new(name, 0, length, Bytes(data, length));
            else if (entry.DataOffset + length > file.Length)
                throw Torn(null);
            else
                yield return new(name, entry.DataOffset, length, null);
        }
        // An archive ends with blocks of zeros, so one that was cut between two files is noticed, too.
        if (!content.EndedInZeros)
            throw Torn(null);

        TarEntry? Next(TarReader from)
        {
            try
            {
                return from.GetNextEntry();
            }
            catch (Exception error) when (IsTorn(error))
            {
                throw Torn(error);
            }
        }

        byte[] Bytes(Stream data, int length)
        {
            try
            {
                var bytes = new byte[length];
                data.ReadExactly(bytes);
                return bytes;
            }
            catch (Exception error) when (IsTorn(error))
            {
                throw Torn(error);
            }
        }

        // Two libraries read bytes that may be anything, and have many exceptions for what is not theirs.
        bool IsTorn(Exception error) => error is not OutOfMemoryException && !content.Refused;

        InvalidDataException Torn(Exception? error) =>
            new(
                $"{path} is not a complete tar archive: it is damaged or ends at byte {content.Count}{(unpacked is null ? "" : " of its decompressed content")}, "
                    + $"{(last == "" ? "before its first file" : $"after the beginning of {last}")}; get it again.",
                error
            );
    }

    /// <summary>A stream that counts what was read, remembers whether the last block was zero, and refuses to read too much.</summary>
    /// <param name="most">The most bytes in all.</param>
    sealed class Counted(Stream inner, string path, long most) : Stream
    {
        // Of a tar archive.
        const int Block = 512;

        public long Count { get; private set; }
        public bool EndedInZeros { get; private set; }

        /// <summary>Whether too much was asked for; the archive itself may be whole.</summary>
        public bool Refused { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            // An extended header is read at once into memory, whatever length it claims.
            if (buffer.Length > Picture.LargestFile)
                throw Refuse(
                    $"{path} has a header of {buffer.Length >> 20} MB after byte {Count}, and {Picture.LargestFile >> 20} MB are the most; pack the pictures again."
                );
            if (Count + buffer.Length > most)
                throw Refuse(
                    $"{path} decompresses to more than {most >> 20} MB, with whatever it has besides pictures; unpack it, and name the folder or the .tar file."
                );
            // Whole blocks, because a decompressed stream may return a part of one.
            var got = inner.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (got > 0)
                EndedInZeros = got == Block && !buffer[..got].ContainsAnyExcept((byte)0);
            Count += got;
            return got;
        }

        InvalidDataException Refuse(string says)
        {
            Refused = true;
            return new(says);
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override bool CanRead => true;
        public override bool CanSeek => inner.CanSeek;
        public override bool CanWrite => false;
        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => (inner.Position, Count) = (value, value);
        }

        public override long Seek(long offset, SeekOrigin origin) => Count = inner.Seek(offset, origin);

        public override void Flush() { }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
