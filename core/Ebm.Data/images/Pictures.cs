using Ebm.Records;
using Microsoft.Win32.SafeHandles;

namespace Ebm.Data;

/// <summary>The PNG and JPEG files of a data set: those of a folder, or of an archive, in ordinal order of their names.</summary>
abstract class Pictures
{
    /// <summary>The folder or archive.</summary>
    public abstract string Path { get; }

    /// <summary>The names below it, with forward slashes; at least one.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The place of a picture, for errors.</summary>
    public abstract string Where(int picture);

    /// <summary>Does something with a picture's bytes, which are valid only meanwhile. Any thread may call it.</summary>
    /// <exception cref="InvalidDataException">The file is too large, or not complete.</exception>
    public abstract T With<T>(int picture, Func<ReadOnlyMemory<byte>, T> use);

    /// <exception cref="InvalidDataException">It is neither a folder nor an archive of pictures, or it is damaged.</exception>
    public static Pictures Of(string path) => PictureArchive.Is(path) ? PictureArchive.Read(path) : new InFolder(PictureFolder.Look(path));

    /// <summary>Reads from a file without moving its position, so that threads can share it.</summary>
    protected static T With<T>(SafeFileHandle file, long from, int length, string where, Func<ReadOnlyMemory<byte>, T> use)
    {
        // Shared arrays: a collection that another thread starts can hit a native call of the computing thread.
        var bytes = System.Buffers.ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var got = 0;
            for (int more; got < length && (more = RandomAccess.Read(file, bytes.AsSpan(got, length - got), from + got)) > 0; )
                got += more;
            return got == length
                ? use(bytes.AsMemory(0, length))
                : throw new InvalidDataException($"{where} became shorter while it was read; do not change data under a run.");
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>The length of a picture's file as an int.</summary>
    protected static int Checked(string where, long length) =>
        length <= Picture.LargestFile
            ? (int)length
            : throw new InvalidDataException(
                $"{where}: the file is larger than {Picture.LargestFile >> 20} MB, the most for a picture; make it smaller, or remove it."
            );

    sealed class InFolder(PictureFolder folder) : Pictures
    {
        public override string Path => folder.Path;
        public override IReadOnlyList<string> Names => folder.Names;

        public override string Where(int picture) => folder.PathOf(Names[picture]);

        public override T With<T>(int picture, Func<ReadOnlyMemory<byte>, T> use)
        {
            var where = Where(picture);
            using var file = RegularFile.Open(where);
            return With(file.SafeFileHandle, 0, Checked(where, file.Length), where, use);
        }
    }
}
