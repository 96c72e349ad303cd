namespace Ebm.Records;

/// <summary>
/// Something a user wrote is wrong. The message is one sentence that says where, what and what to write instead; its parts are kept
/// beside it: <c>file, line n, key: what is wrong.</c> or <c>command line, "argument": what is wrong.</c>
/// </summary>
/// <param name="source">Where it was written.</param>
/// <param name="key">The dotted path of the setting, such as <c>method.noise.low</c>; empty when it is about the whole file.</param>
/// <param name="says">What is wrong and what to write instead, a sentence with its full stop.</param>
/// <param name="cause">What was thrown, when it was an exception that showed it.</param>
public sealed class ConfigException(Source source, string key, string says, Exception? cause = null)
    : Exception(Sentence(source, key, says), cause)
{
    /// <summary>Where it was written.</summary>
    public Source Where => source;

    public string? File => source.File;

    /// <summary>Counted from 1; 0 when it is not about a line of a file.</summary>
    public int Line => source.Line;

    public string Key => key;

    public string Says => says;

    // A line of a file needs only the key that stands on it, and an argument of the command line holds its own; elsewhere the whole path is needed.
    static string Sentence(Source source, string key, string says) =>
        source.Argument is not null || key == "" ? $"{source}: {says}"
        : source.Line > 0 ? $"{source}, {LastKey(key)}: {says}"
        : $"{source}, {key}: {says}";

    /// <summary>The last key of a dotted path, with the indices behind it: <c>list.0</c> of <c>measure.list.0</c>.</summary>
    public static string LastKey(string path)
    {
        var segments = path.Split('.');
        var first = segments.Length - 1;
        while (first > 0 && int.TryParse(segments[first], out _))
            first--;
        return string.Join('.', segments[first..]);
    }
}
