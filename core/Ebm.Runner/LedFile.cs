using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Ebm.Records;
using Microsoft.Win32.SafeHandles;

namespace Ebm.Runner;

/// <summary>
/// Redirects one of the process's standard streams to a file, including the output of native code. Endless output does not fill the disk: if it
/// exceeds <see cref="Most"/> bytes, the start and the end are kept, and a line between them gives the number of omitted bytes.
/// </summary>
sealed class LedFile : IDisposable
{
    /// <summary>16 MiB.</summary>
    public const long Most = 16 << 20;

    const long Beginning = Most / 2;

    // Between two checks, a file may grow beyond the limit.
    static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    readonly int stream,
        file,
        cutter,
        before;
    readonly TextWriter? console;
    readonly Timer watch;
    long leftOut,
        notice;

    /// <param name="path">The file; output is appended.</param>
    /// <param name="stream">1 for standard output, 2 for standard error.</param>
    /// <exception cref="InvalidDataException">It is not a regular file.</exception>
    /// <exception cref="IOException">The file cannot be written, or the stream cannot be redirected.</exception>
    public LedFile(string path, int stream)
    {
        this.stream = stream;
        if (RegularFile.Refusal(path) is { } says)
            throw new InvalidDataException($"{path}: {says}");
        // Before the redirection: .NET duplicates the stream's descriptor when it is first used, which would be the file's then.
        (console, var set) = stream == 1 ? (Console.Out, (Action<TextWriter>)Console.SetOut) : (Console.Error, Console.SetError);
        // The system appends, so that native code, managed code and the notice never overwrite each other.
        const int readAndWrite = 2,
            create = 0x40,
            append = 0x400,
            closeOnExec = 0x80000,
            permissions = 0b110_100_100;
        file = open(path, readAndWrite | create | append | closeOnExec, permissions);
        // A descriptor in append mode cannot write anywhere else.
        cutter = open(path, readAndWrite | closeOnExec, permissions);
        before = dup(stream);
        if (file < 0 || cutter < 0 || before < 0 || dup2(file, stream) < 0)
            throw new IOException($"{path}: stream {stream} cannot be redirected to it: {Marshal.GetLastPInvokeErrorMessage()}");
        var writer = new StreamWriter(new FileStream(new SafeFileHandle(file, ownsHandle: false), FileAccess.Write, 1))
        {
            AutoFlush = true,
        };
        set(writer);
        watch = new Timer(_ => Look(), null, Glance, Glance);
    }

    /// <summary>Writes a line to the file in one write.</summary>
    public void Write(string line) => Put(file, line);

    /// <summary>Writes a line to the stream's original target. Its reader may have ended; that must not fail the run.</summary>
    public void Tell(string line) => Put(before, line);

    static void Put(int handle, string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line + "\n");
        _ = write(handle, bytes, (nuint)bytes.Length);
    }

    /// <summary>Restores the stream, and shortens the file to its limit.</summary>
    public void Dispose()
    {
        watch.Dispose();
        if (stream == 1)
            Console.SetOut(console!);
        else
            Console.SetError(console!);
        dup2(before, stream);
        Look();
        lock (watch)
        {
            close(before);
            close(file);
            close(cutter);
        }
    }

    void Look()
    {
        lock (watch)
        {
            var length = lseek(file, 0, End);
            if (length > Most && !Collapse(length))
                Rewrite(length);
        }
    }

    /// <summary>
    /// Removes the middle of the file while others append; no byte is lost without being counted. Not every file system supports this.
    /// </summary>
    bool Collapse(long length)
    {
        // A multiple of the block size of every file system.
        const long block = 1 << 20;
        const int collapse = 8;
        var taken = (length - Beginning - Most / 4) / block * block;
        if (fallocate(file, collapse, Beginning, taken) != 0)
            return false;
        // The notice replaces the rest of the line that was cut.
        var next = new byte[1 << 16];
        var read = (int)pread(file, next, (nuint)next.Length, Beginning);
        var room = Array.IndexOf(next, (byte)'\n', 256, Math.Max(0, read - 256)) is > 0 and var line ? line : 256;
        leftOut += taken - notice + room;
        notice = room;
        var says = Encoding.UTF8.GetBytes("\n" + Notice());
        Array.Fill(next, (byte)' ', 0, room);
        says.CopyTo(next, 0);
        next[room - 1] = (byte)'\n';
        _ = pwrite(cutter, next, (nuint)room, Beginning);
        return true;
    }

    /// <summary>The same by rewriting the end; output between the last check of the length and the cut is lost and not counted.</summary>
    void Rewrite(long length)
    {
        var end = new byte[Most / 4];
        var read = (int)pread(file, end, (nuint)end.Length, length - end.Length);
        if (read <= 0)
            return;
        // Starts at the beginning of a line, unless lines are too long.
        var cut = Array.IndexOf(end, (byte)'\n', 0, Math.Min(read, 1 << 16)) + 1;
        length = lseek(file, 0, End);
        leftOut += length - Beginning - notice - (read - cut);
        var says = Encoding.UTF8.GetBytes($"\n{Notice()}\n");
        notice = says.Length;
        if (ftruncate(file, Beginning) != 0)
            return;
        _ = write(file, [.. says, .. end.AsSpan(cut, read - cut)], (nuint)(says.Length + read - cut));
    }

    string Notice() =>
        string.Create(CultureInfo.InvariantCulture, $"… about {leftOut} bytes are left out here: a log has at most {Most} bytes …");

    const int End = 2;

    [DllImport("libc", SetLastError = true)]
    static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);

    [DllImport("libc", SetLastError = true)]
    static extern int dup(int handle);

    [DllImport("libc", SetLastError = true)]
    static extern int dup2(int from, int to);

    [DllImport("libc")]
    static extern int close(int handle);

    [DllImport("libc")]
    static extern nint write(int handle, byte[] bytes, nuint count);

    [DllImport("libc")]
    static extern nint pread(int handle, byte[] bytes, nuint count, long offset);

    [DllImport("libc")]
    static extern nint pwrite(int handle, byte[] bytes, nuint count, long offset);

    [DllImport("libc")]
    static extern int fallocate(int handle, int mode, long offset, long length);

    [DllImport("libc")]
    static extern long lseek(int handle, long offset, int from);

    [DllImport("libc")]
    static extern int ftruncate(int handle, long length);
}
