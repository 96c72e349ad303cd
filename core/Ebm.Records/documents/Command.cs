using System.ComponentModel;
using System.Text;
using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// The end of every command line: whatever goes wrong becomes one sentence on standard error and an exit code, never a stack trace. With the variable
/// EBM_STACK=1 the exception passes, which shows its place in the code.
/// </summary>
public static class Command
{
    /// <summary>The exit code of an error in what the user wrote, or in the files that the command was given.</summary>
    public const int Refused = 2;

    const int Longest = 4000;

    /// <summary>Runs a command.</summary>
    /// <param name="command">Returns the exit code.</param>
    /// <returns>Its exit code, or <see cref="Refused"/> after an exception.</returns>
    public static int Run(Func<int> command)
    {
        try
        {
            return command();
        }
        catch (Exception error) when (Environment.GetEnvironmentVariable("EBM_STACK") != "1")
        {
            return Refuse(Sentence(error));
        }
    }

    /// <summary>Prints a sentence on standard error, on one line; returns <see cref="Refused"/>.</summary>
    public static int Refuse(string sentence)
    {
        try
        {
            Console.Error.WriteLine(OnOneLine(Secrets.Here.Masked(sentence)));
        }
        catch (IOException)
        {
            // Standard error may be a full disk; the exit code remains.
        }
        return Refused;
    }

    /// <summary>What the user reads of an exception.</summary>
    static string Sentence(Exception error) =>
        error switch
        {
            AggregateException { InnerExceptions: [var only] } => Sentence(only),
            ConfigException or InvalidDataException => error.Message,
            IOException or UnauthorizedAccessException => OfSystem(error),
            OutOfMemoryException => "The command needs more memory than this machine gives it; give it smaller files, or fewer runs.",
            JsonException => $"A file that should contain JSON does not: {error.Message.TrimEnd('.')}.",
            Win32Exception => $"A program could not be started: {error.Message.TrimEnd('.')}; install it, or check the command.",
            _ => $"This is an error of the program, not of its input: {error.GetType().Name}: {error.Message.TrimEnd('.')}. "
                + "EBM_STACK=1 prints where it happened.",
        };

    // .NET gives the system's error number as the result.
    static string OfSystem(Exception error)
    {
        const int noSpace = 28,
            readOnly = 30,
            quota = 122;
        var remedy = error.HResult switch
        {
            noSpace or quota => "free some space, or name a folder on another disk",
            readOnly => "this disk is read-only; name a folder on another one",
            _ => "name another path, or correct this one",
        };
        return $"{error.Message.TrimEnd('.')}; {remedy}.";
    }

    /// <summary>A text of unknown origin as one line for a terminal, which acts on control characters; a very long one is shortened.</summary>
    public static string OnOneLine(string sentence)
    {
        var text = new StringBuilder();
        foreach (var c in sentence.Length <= Longest ? sentence : $"{sentence[..(Longest - 300)]} … {sentence[^300..]}")
            text.Append(
                c is '\n' ? " "
                : char.IsControl(c) ? $"\\u{(int)c:x4}"
                : c.ToString()
            );
        return text.ToString();
    }
}
