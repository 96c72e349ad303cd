using System.Globalization;
using Ebm.Records;
using Ebm.Runs;

namespace Ebm.Runner;

/// <summary>An error on the command line.</summary>
sealed class UsageException(string says) : Exception(says);

/// <summary>An option and the name of its value, which is empty if the option has no value.</summary>
sealed record Option(string Name, string Value, string Says);

/// <summary>A verb: its words, its options, and its action. Other options are rejected.</summary>
sealed record Verb(string Name, string[] Words, string Says, Option[] Options, Func<Given, int> Perform)
{
    /// <summary>The verb's part of `help`.</summary>
    public string Usage =>
        string.Concat([
            $"ebm-runner {string.Join(' ', [Name, .. Words])}: {Says}.\n",
            .. Options.Select(option => $"  {option.Name + ' ' + option.Value, -16} {option.Says}\n"),
        ]);
}

/// <summary>The arguments of a verb: its words, and its options with their values in command-line order.</summary>
sealed record Given(IReadOnlyList<string> Words, IReadOnlyList<(Option Option, string Value)> Options)
{
    /// <exception cref="UsageException">A word or a value is missing, or an option or a word is unknown to the verb.</exception>
    public static Given Read(Verb verb, string[] arguments)
    {
        List<string> words = [];
        List<(Option, string)> options = [];
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument == "")
                throw new UsageException($"An empty word is not valid; {verb.Name} takes {string.Join(' ', verb.Words)}.");
            if (!argument.StartsWith('-'))
                words.Add(argument);
            else if (Array.Find(verb.Options, option => option.Name == argument) is not { } option)
            {
                var known = verb.Options.Select(option => option.Name).ToList();
                throw new UsageException(
                    $"Unknown option {argument} of {verb.Name}. Known options: {(known.Count == 0 ? "none" : string.Join(", ", known))}{Spelling.DidYouMean(argument, known)}."
                );
            }
            else if (option.Value == "")
                options.Add((option, ""));
            else if (++i < arguments.Length)
                options.Add((option, arguments[i]));
            else
                throw new UsageException($"{option.Name} needs a value: {option.Name} {option.Value}.");
        }
        return words.Count == verb.Words.Length
            ? new Given(words, options)
            : throw new UsageException(
                $"ebm-runner {string.Join(' ', [verb.Name, .. verb.Words])}: {verb.Words.Length} words are expected after {verb.Name}, and {words.Count} "
                    + "were given; `ebm-runner help` shows its options."
            );
    }

    public bool Has(Option option) => Options.Any(given => given.Option == option);

    public IEnumerable<string> All(Option option) => Options.Where(given => given.Option == option).Select(given => given.Value);

    public string? Last(Option option) => All(option).LastOrDefault();
}
