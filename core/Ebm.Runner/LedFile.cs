using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Ebm.Runner;

/// <summary>
/// A file into which one of the process's standard streams is led, native code's words included. Whoever prints without end does not fill
/// the disk: of more than <see cref="Most"/> bytes the beginning and the end stay, and a line between them says how much is left out.
/// </summary>
sealed class LedFile : IDisposable
{
    /// <summary>16 MiB.</summary>
    public const long Most = 16 << 20;

    const long Beginning = Most / 2;

    // Between two looks a file may grow beyond.
    static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    readonly int stream,
        file,
        cutter,
        before;
    readonly TextWriter? console;
    readonly Timer watch;
    long leftOut,
        notice;

    /// <param name="path">The file; it is appended to.</param>
    /// <param name="stream">1, standard output, or 2, standard error.</param>
    /// <exception cref="IOException">The file cannot be written, or the stream not be led.</exception>
    public LedFile(string path, int stream)
    {
        this.stream = stream;
        // Appending is the system's business: native code, managed code and the notice never write over each other.
        const int readAndWrite = 2,
            create = 0x40,
            append = 0x400,
            closeOnExec = 0x80000,
            permissions = 0b110_100_100;
        file = open(path, readAndWrite | create | append | closeOnExec, permissions);
        // A file that is appended to cannot be written anywhere else.
        cutter = open(path, readAndWrite | closeOnExec, permissions);
        before = dup(stream);
        if (file < 0 || cutter < 0 || before < 0 || dup2(file, stream) < 0)
            throw new IOException($"{path}: stream {stream} cannot be led there: {Marshal.GetLastPInvokeErrorMessage()}");
        var writer = new StreamWriter(new FileStream(new SafeFileHandle(file, ownsHandle: false), FileAccess.Write, 1))
        {
            AutoFlush = true,
        };
        (console, var set) = stream == 1 ? (Console.Out, (Action<TextWriter>)Console.SetOut) : (Console.Error, Console.SetError);
        set(writer);
        watch = new Timer(_ => Look(), null, Glance, Glance);
    }

    /// <summary>Writes a line into the file, in one piece.</summary>
    public void Write(string line) => Put(file, line);

    /// <summary>Writes a line to where the stream led before. Nobody may be left to read it; that is not the run's to break on.</summary>
    public void Tell(string line) => Put(before, line);

    static void Put(int handle, string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line + "\n");
        _ = write(handle, bytes, (nuint)bytes.Length);
    }

    /// <summary>Leads the stream back, and makes the file as small as it should be.</summary>
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
    /// Takes the middle out of the file while others go on appending: nothing is lost that is not counted. Not every file system can.
    /// </summary>
    bool Collapse(long length)
    {
        // In whole blocks of any file system.
        const long block = 1 << 20;
        const int collapse = 8;
        var taken = (length - Beginning - Most / 4) / block * block;
        if (fallocate(file, collapse, Beginning, taken) != 0)
            return false;
        // The notice stands in the place of what is left of a line.
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

    /// <summary>The same by writing the end anew: what comes between the last look at the length and the cut is lost and not counted.</summary>
    void Rewrite(long length)
    {
        var end = new byte[Most / 4];
        var read = (int)pread(file, end, (nuint)end.Length, length - end.Length);
        if (read <= 0)
            return;
        // From the beginning of a line on, where lines are not without end.
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
        string.Create(CultureInfo.InvariantCulture, $"… about {leftOut} bytes are left out here: a log holds {Most} at most …");

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
