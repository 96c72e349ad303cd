namespace Ebm.Records;

/// <summary>
/// Where a value was written: a file with its line and column, an argument of the command line, or a program that names itself.
/// Every node of a <see cref="Document"/> has one, so that an error can always say where.
/// </summary>
public sealed record Source
{
    Source() { }

    /// <summary>The file as the user would write its path; null when the value does not stand in a file.</summary>
    public string? File { get; private init; }

    /// <summary>Counted from 1; 0 when the value does not stand in a file.</summary>
    public int Line { get; private init; }

    /// <summary>Counted from 1; 0 when the value does not stand in a file.</summary>
    public int Column { get; private init; }

    /// <summary>The argument as it was typed, such as <c>method.steps=20</c>; null when the value does not come from the command line.</summary>
    public string? Argument { get; private init; }

    /// <summary>Who wrote the value when neither a file nor the command line did, such as "default of joint-cd".</summary>
    public string? Program { get; private init; }

    /// <summary>A value written in a program that did not say who it is.</summary>
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

    /// <summary><c>file, line n</c>, or <c>command line, "argument"</c>, or the program's name for itself.</summary>
    public override string ToString() =>
        File is not null ? (Line > 0 ? $"{File}, line {Line}" : File)
        : Argument is not null ? $"command line, \"{Argument}\""
        : Program!;
}
