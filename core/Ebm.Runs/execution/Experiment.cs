using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>An experiment as a script sees it: a config that can be changed, typed, and run.</summary>
public sealed class Experiment
{
    readonly Catalog catalog;
    readonly Resolved<ExperimentSpec> resolved;

    Experiment(Catalog catalog, Document config)
    {
        (this.catalog, resolved) = (catalog, catalog.Resolve<ExperimentSpec>(config));
        Identity = Identity.Of(resolved.Identity);
    }

    /// <summary>The experiment of a config: the groups data and method, and whatever of train, measure, seed, device it sets.</summary>
    /// <param name="with">Further assemblies to find kinds in.</param>
    /// <exception cref="ConfigException">What is wrong, where, and what to write instead.</exception>
    public static Experiment Of(Document config, params string[] with) => new(Catalog.Load(with), config);

    /// <summary>Every setting, defaults written out.</summary>
    public Document Config => resolved.Document;

    public ExperimentSpec Spec => resolved.Value;

    public Identity Identity { get; }

    /// <summary>The same with one setting changed: a number, a text, a list, a document.</summary>
    /// <exception cref="ConfigException">The setting is unknown, or the value no possible one.</exception>
    public Experiment With(string path, object? value) =>
        new(catalog, Config.With(path, Document.From(value, Source.Of($"With(\"{path}\")"))));

    /// <summary>Runs it here, in this process; a finished run is returned, not repeated, and one that was stopped goes on.</summary>
    /// <param name="under">The sweep's folder; the run lies below it, under its id.</param>
    /// <param name="data">The folder under which data sets find their files; the variable EBM_DATA, or else `data`, unless said.</param>
    /// <returns>Its folder. State completed or diverged: a divergence is an outcome.</returns>
    /// <exception cref="StoppedException">A signal stopped it; running it again goes on from the checkpoint.</exception>
    public RunFolder Run(string under, string? data = null)
    {
        var folder = RunFolder.Create(under, Identity.RunId, Config, Identity.Json);
        if (RunStates.IsSettled(folder.State))
            return folder;
        using var stop = new Stop();
        using var execution = new Execution(folder, catalog, data ?? DataRoot, stop, new Silence());
        if (!execution.Begin())
            return folder;
        Exception? error = null;
        var ended = execution.Run(e => error = e);
        if (error is not null)
            throw new InvalidOperationException($"{folder}: {ended.Reason}", error);
        stop.ThrowIfRequested();
        return folder;
    }

    sealed class Silence : IAudience
    {
        public void Progress(Progress at) { }

        public void Note(string line) { }
    }

    /// <summary>Where data sets lie unless it is said: the variable EBM_DATA, or else the folder `data`.</summary>
    public static string DataRoot => Environment.GetEnvironmentVariable("EBM_DATA") is { Length: > 0 } given ? given : "data";
}
