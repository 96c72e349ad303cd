namespace Ebm.Records;

/// <summary>
/// Where a value was written: a file with line and column, a command-line argument, or a named program. Every node of a <see cref="Document"/> has
/// one, so that errors can name the place.
/// </summary>
public sealed record Source
{
    Source() { }

    /// <summary>The file's path as the user would write it; null if the value is not from a file.</summary>
    public string? File { get; private init; }

    /// <summary>Counted from 1; 0 if the value is not from a file.</summary>
    public int Line { get; private init; }

    /// <summary>Counted from 1; 0 if the value is not from a file.</summary>
    public int Column { get; private init; }

    /// <summary>The argument as typed, such as <c>method.steps=20</c>; null if the value is not from the command line.</summary>
    public string? Argument { get; private init; }

    /// <summary>The origin of a value that is not from a file or the command line, such as "default of joint-cd".</summary>
    public string? Program { get; private init; }

    /// <summary>A value from a program without a name.</summary>
    public static Source Code { get; } = new() { Program = "code" };

    public static Source InFile(string file, int line, int column) =>
        new()
        {
            File = file,
            Line = line,
            Column = column,
        };

    public static Source CommandLine(string argument) => new() { Argument = argument };

    public static Source Of(string program) => new() { Program = program };

    /// <summary><c>file, line n</c>, or <c>command line, "argument"</c>, or the program's name.</summary>
    public override string ToString() =>
        File is not null ? (Line > 0 ? $"{File}, line {Line}" : File)
        : Argument is not null ? $"command line, \"{Argument}\""
        : Program!;
}
