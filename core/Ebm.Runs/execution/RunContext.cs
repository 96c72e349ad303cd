using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The shared context of the phases of a run.</summary>
/// <param name="Folder">The folder to write to.</param>
/// <param name="Config">The resolved config of <paramref name="Spec"/>.</param>
/// <param name="DataSettings">The settings of the data that are part of the run's identity: metrics with equal ones are comparable.</param>
/// <param name="Root">The run's device, its root random stream, and the data folder.</param>
/// <param name="Report">Receives progress.</param>
/// <param name="Note">Receives lines for the log.</param>
sealed record RunContext(
    RunFolder Folder,
    ExperimentSpec Spec,
    Document Config,
    Document DataSettings,
    Site Root,
    Stop Stop,
    Action<Progress> Report,
    Action<string> Note
)
{
    /// <summary>Sets threads, determinism, precision of products and device, before any computation.</summary>
    /// <exception cref="ConfigException">The device does not exist.</exception>
    public static RunContext Of(RunFolder folder, Resolved<ExperimentSpec> resolved, string dataRoot, Stop stop, IAudience audience)
    {
        var (spec, config) = (resolved.Value, resolved.Document);
        Machine.Threads = spec.Threads;
        Machine.Deterministic(true);
        // Also where it is the default, because runs can share a process.
        Machine.Matmul = spec.Matmul;
        var device = Placed(config, "device", spec.OnDevice);
        var root = new Site([], device, new Rng((ulong)spec.Seed, device), dataRoot);
        var report = Runs.Progress.Seldom(audience.Progress, TimeSpan.FromSeconds(spec.Logging.Progress));
        return new RunContext(folder, spec, config, resolved.Identity.Get("data"), root, stop, report, audience.Note);
    }

    /// <summary>Builds data and the untrained method.</summary>
    public Method Build(Catalog catalog, out IDataset data)
    {
        var rows = data = Placed("data", () => Spec.Data.Build(Root with { Rng = Root.Rng.Stream("data") }));
        // On a GPU, lack of memory is a libtorch exception; on a CPU it would kill the process, so it is checked first.
        if (Root.Device.type == DeviceType.CPU)
            Footprint.Check(catalog, Config, rows.Shape);
        var method = Placed("method", () => Spec.Method.Build(Root with { Shape = rows.Shape, Rng = Root.Rng.Stream("init") }));
        method.to(Root.Device);
        return method;
    }

    /// <inheritdoc cref="Placed{T}(Document, string, Func{T})"/>
    public T Placed<T>(string path, Func<T> make) => Placed(Config, path, make);

    /// <summary>Builds the component that a part of a config describes.</summary>
    /// <param name="path">The part: data, method, train, or the setting device.</param>
    /// <exception cref="ConfigException">A setting was rejected during the build; the message has the place where it was written.</exception>
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
            // A method may reject the batch, which is a setting of train.
            if (config.Find(key) is null && config.Find(Document.Join("train", setting)) is not null)
                key = Document.Join("train", setting);
            throw new ConfigException((config.Find(key) ?? config.Get(path)).Source, key, $"{setting} {error.Says}.");
        }
    }
}
