using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>An experiment in a script: a config that can be changed and run.</summary>
public sealed class Experiment
{
    readonly Catalog catalog;
    readonly Resolved<ExperimentSpec> resolved;

    Experiment(Catalog catalog, Document config)
    {
        (this.catalog, resolved) = (catalog, catalog.Resolve<ExperimentSpec>(config));
        Identity = Identity.Of(resolved.Identity);
    }

    /// <summary>The experiment of a config with the groups data and method, and optionally train, measure, seed and device.</summary>
    /// <param name="with">Additional assemblies with kinds.</param>
    /// <exception cref="ConfigException">The config is not valid.</exception>
    public static Experiment Of(Document config, params string[] with) => new(Catalog.Load(with), config);

    /// <summary>Every setting, including defaults.</summary>
    public Document Config => resolved.Document;

    public ExperimentSpec Spec => resolved.Value;

    public Identity Identity { get; }

    /// <summary>The same experiment with one setting changed to a number, a text, a list or a document.</summary>
    /// <exception cref="ConfigException">The setting is unknown, or the value is not valid.</exception>
    public Experiment With(string path, object? value) =>
        new(catalog, Config.With(path, Document.From(value, Source.Of($"With(\"{path}\")"))));

    /// <summary>Executes the run in this process; returns a finished run without repeating it, and resumes a stopped one.</summary>
    /// <param name="under">The sweep's folder; the run's folder is below it, named by its id.</param>
    /// <param name="data">The folder that contains the files of data sets; default: the variable EBM_DATA, else `data`.</param>
    /// <returns>The run's folder. Its state is completed or diverged: a divergence is an outcome.</returns>
    /// <exception cref="StoppedException">A signal stopped it; running it again resumes from the checkpoint.</exception>
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

    /// <summary>The default folder of data sets: the variable EBM_DATA, else the folder `data`.</summary>
    public static string DataRoot => Environment.GetEnvironmentVariable("EBM_DATA") is { Length: > 0 } given ? given : "data";
}
