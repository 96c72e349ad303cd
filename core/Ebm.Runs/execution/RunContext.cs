using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>What the phases of a run share.</summary>
/// <param name="Folder">Where they write.</param>
/// <param name="Config">The resolved config, which <paramref name="Spec"/> was read from.</param>
/// <param name="Root">The run's device, its source of all streams of randomness, and the folder of data.</param>
/// <param name="Report">Told how far they are.</param>
/// <param name="Note">Given lines for the log.</param>
sealed record RunContext(
    RunFolder Folder,
    ExperimentSpec Spec,
    Document Config,
    Site Root,
    Stop Stop,
    Action<Progress> Report,
    Action<string> Note
)
{
    /// <inheritdoc cref="Placed{T}(Document, string, Func{T})"/>
    public T Placed<T>(string path, Func<T> make) => Placed(Config, path, make);

    /// <summary>Makes what a part of a config describes.</summary>
    /// <param name="path">The part: data, method, train, or the setting device.</param>
    /// <exception cref="ConfigException">What the domain refuses only when it is built, with the place where the setting was written.</exception>
    public static T Placed<T>(Document config, string path, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (SettingException error)
        {
            var setting = Kebab.Case(error.Setting);
            var key = path == "device" ? path : Document.Join(path, setting);
            // A method may refuse the batch that it was given.
            if (config.Find(key) is null && config.Find(Document.Join("train", setting)) is not null)
                key = Document.Join("train", setting);
            throw new ConfigException((config.Find(key) ?? config.Get(path)).Source, key, $"{setting} {error.Says}.");
        }
    }
}
