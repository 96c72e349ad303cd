namespace Ebm.Records;

/// <summary>
/// An error in something that a user wrote. The message is one sentence with the place, the problem and the remedy: <c>file, line n, key: what is
/// wrong.</c> or <c>command line, "argument": what is wrong.</c> Its parts are properties.
/// </summary>
/// <param name="source">Where it was written.</param>
/// <param name="key">The dotted path of the setting, such as <c>method.noise.low</c>; empty for the whole file.</param>
/// <param name="says">The problem and the remedy, a sentence with a full stop.</param>
/// <param name="cause">The exception behind the error, if any.</param>
public sealed class ConfigException(Source source, string key, string says, Exception? cause = null)
    : Exception(Sentence(source, key, says), cause)
{
    /// <summary>Where it was written.</summary>
    public Source Where => source;

    public string? File => source.File;

    /// <summary>Counted from 1; 0 without a line of a file.</summary>
    public int Line => source.Line;

    public string Key => key;

    public string Says { get; } = Shown(says);

    // For a line of a file the last key is enough, and a command-line argument contains its key; otherwise the sentence needs the whole path.
    static string Sentence(Source source, string key, string says) =>
        Shown(
            source.Argument is not null || key == "" ? $"{Short(source.ToString())}: {says}"
            : source.Line > 0 ? $"{source}, {Short(LastKey(key))}: {says}"
            : $"{Short(source.ToString())}, {Short(key)}: {says}"
        );

    // An error may quote what the user wrote, and the value of an environment variable in it.
    static string Shown(string text) => Secrets.Standard.Masked(Variables.Hidden(text));

    // An argument may have a hundred thousand letters.
    static string Short(string text) => text.Length <= 400 ? text : $"{text[..300]} … {text[^80..]}";

    /// <summary>The last key of a dotted path, with the indices after it: <c>list.0</c> of <c>measure.list.0</c>.</summary>
    public static string LastKey(string path)
    {
        var segments = path.Split('.');
        var first = segments.Length - 1;
        while (first > 0 && int.TryParse(segments[first], out _))
            first--;
        return string.Join('.', segments[first..]);
    }
}
