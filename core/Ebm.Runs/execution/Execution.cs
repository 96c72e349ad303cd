using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>How far a run is.</summary>
/// <param name="Done">Steps of training (units, where the budget is nearer its end), rows drawn, or metrics taken.</param>
/// <param name="Of">How many there will be.</param>
/// <param name="Phase">train, sample or measure.</param>
public sealed record Progress(long Done, long Of, string Phase);

/// <summary>Who is told how a run goes, on the run's own thread.</summary>
public interface IAudience
{
    void Progress(Progress at);

    /// <summary>A line for the log.</summary>
    void Note(string line);
}

/// <summary>
/// One run, from its config to its completed manifest: data, method, training, samples, arrays, metrics. What is there already is
/// taken up: a run that was stopped goes on from its checkpoint, and writes the bytes that it would have written.
/// </summary>
public sealed class Execution : IDisposable
{
    readonly RunFolder folder;
    readonly Catalog catalog;
    readonly Document read,
        config;
    readonly Document? measure;
    readonly ExperimentSpec spec;
    readonly Stop stop;
    readonly Action<Progress> report;
    readonly Action<string> note;
    readonly Checkpoint checkpoint;
    readonly Claim claim;
    readonly string dataRoot;
    readonly LaunchRecord? launch;
    readonly bool isEdited;
    readonly Stopwatch clock = new();
    readonly double processorBefore = Processor;
    RunManifest manifest;
    Site root = null!; // set by Prepare
    double secondsBefore,
        trainSeconds;
    long step;

    /// <param name="folder">A run's folder with its config.</param>
    /// <param name="catalog">Where the config's kinds are found.</param>
    /// <param name="dataRoot">The folder under which data sets find their files.</param>
    /// <param name="stop">Asked between steps.</param>
    /// <param name="audience">Told how far the run is, no more often than logging.progress says.</param>
    /// <param name="launch">What the sweep found out when it was typed; null for a run by itself.</param>
    /// <param name="measure">The group to measure by; null for the one that the folder's config has.</param>
    /// <exception cref="ConfigException">The config is not one.</exception>
    /// <exception cref="TakenException">Another process is at work on the run.</exception>
    public Execution(
        RunFolder folder,
        Catalog catalog,
        string dataRoot,
        Stop stop,
        IAudience audience,
        LaunchRecord? launch = null,
        Document? measure = null
    )
    {
        (this.catalog, this.dataRoot, this.stop, this.launch, this.measure) = (catalog, dataRoot, stop, launch, measure);
        read = measure is null ? folder.Config : folder.Config.With("measure", measure);
        var resolved = catalog.Resolve<ExperimentSpec>(read);
        (config, spec) = (resolved.Document, resolved.Value);
        var identity = Identity.Of(resolved.Identity);
        isEdited = identity.Json != folder.ConfigJson;
        manifest = new RunManifest
        {
            State = RunState.Running,
            RunId = folder.Id,
            GroupId = identity.GroupId,
            SweepId = folder.Sweep,
            Seed = spec.Seed,
            ConfigSha256 = folder.ConfigSha256,
        };
        claim = new Claim(folder);
        this.folder = claim.Folder;
        checkpoint = new Checkpoint(this.folder);
        note = audience.Note;
        report = Seldom(audience.Progress, TimeSpan.FromSeconds(spec.Logging.Progress));
    }

    /// <summary>The step after which training is interrupted: an audit compares what was traced up to there. Null trains to the end.</summary>
    public long? Until { get; init; }

    /// <summary>Opens an attempt: earlier ones make way, and the manifest says "running" before anything is computed.</summary>
    /// <param name="afresh">Discards results and checkpoint, also of a completed run.</param>
    /// <returns>False when the run is completed and nothing is left to do.</returns>
    /// <exception cref="ConfigException">The device is not there.</exception>
    public bool Begin(bool afresh = false)
    {
        // Whoever starts runs may have moved the last attempt out of the way already.
        var last = folder.Manifest ?? folder.Attempts().LastOrDefault();
        if (last is { State: RunState.Completed } && !afresh)
            return false;
        Prepare();
        IReadOnlyList<RunManifest> earlier =
            last is null or { State: RunState.Pending } || folder.Manifest is null ? folder.Attempts() : [.. folder.Attempts(), last];
        var before = earlier.LastOrDefault();
        // A diverged run would diverge again from its checkpoint.
        afresh |= before is { State: RunState.Diverged };
        if (afresh)
            Discard();
        clock.Start();
        manifest = Provenance.Of(
            manifest with
            {
                Step = afresh ? 0 : before?.Step ?? 0,
                Overrides = last?.Overrides ?? [],
                Origins = last?.Origins,
                Choices = last?.Choices,
                Others = last?.Others,
                Parent = checkpoint.AsParent(before?.Attempt ?? 1),
                Timing = new Timing(DateTime.UtcNow, Queued: last is { State: RunState.Pending } ? last.Timing?.Queued : null),
            },
            launch,
            spec.Threads,
            root.Rng
        );
        manifest = manifest with { Attempt = last is { State: RunState.Pending } ? last.Attempt : folder.NextAttempt() };
        manifest = manifest with { Interventions = Lineage.Of(manifest, earlier, folder, isEdited) };
        checkpoint.Attempt = manifest.Attempt;
        folder.Write(manifest);
        return true;
    }

    /// <summary>Runs what is left to run, after <see cref="Begin"/>.</summary>
    /// <returns>How it ended: completed, diverged, interrupted, preempted or failed. It stands in the folder.</returns>
    /// <param name="failed">Given the exception of a failed run.</param>
    public RunManifest Run(Action<Exception> failed)
    {
        stop.LastWords = request => End(request.State, Says(request), request.ExitCode, request.Signal);
        try
        {
            using var method = Build(out var data);
            // The data too are said before the first step.
            folder.Write(manifest);
            using var averages = new Averages(method, spec.Train.Average);
            if (Train(method, data, averages) is { } reason)
                return Over(RunState.Diverged, reason, 1);
            using (Best(method) ? null : new Loan(method, averages))
                Judge(method, data, folder);
            return Over(RunState.Completed, null, 0);
        }
        catch (StoppedException stopped)
        {
            return Over(stopped.Request.State, Says(stopped.Request), stopped.Request.ExitCode, stopped.Request.Signal);
        }
        catch (NumericalException error)
        {
            return Over(RunState.Diverged, error.Message, 1);
        }
        catch (Exception error)
        {
            failed(error);
            // Below the first line of libtorch's message lies its own stack; stderr.log has it.
            var reason = error is ExternalException ? error.Message.Split('\n')[0] : error.Message;
            return Over(
                error is FencedException ? RunState.Lost : RunState.Failed,
                reason,
                error is ConfigException or SettingException ? 2 : 1
            );
        }
    }

    /// <summary>
    /// Draws and measures a completed run again, with a measure group that may be another one, without training. Its results stay what they are
    /// until all the new ones are there.
    /// </summary>
    /// <exception cref="InvalidOperationException">The run is not completed.</exception>
    public RunManifest Measure()
    {
        folder.FinishAdopting();
        if (folder.Manifest is not { State: RunState.Completed } completed)
            throw new InvalidOperationException($"only a completed run can be measured again; this one is {folder.State}");
        (manifest, step) = (completed, completed.Step);
        var draft = folder.Draft();
        Prepare();
        using var method = Build(out var data);
        if (!Best(method))
            checkpoint.Load(method);
        method.eval();
        Judge(method, data, draft);
        if (measure is not null)
            draft.Write("config.yaml", stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(read.ToYaml())));
        stop.Over(() => folder.Adopt(draft, manifest));
        return manifest;
    }

    void Prepare()
    {
        Machine.Threads = spec.Threads;
        Machine.Deterministic(true);
        var device = Told("device", spec.OnDevice);
        root = new Site([], device, new Rng((ulong)spec.Seed, device), dataRoot);
    }

    Method Build(out IDataset data)
    {
        var rows = data = Told("data", () => spec.Data.Build(root with { Rng = root.Rng.Stream("data") }));
        manifest = manifest with { Data = [Inputs.Of(data, dataRoot, config.Get("data"))] };
        // A GPU that is full is an exception of libtorch's; a machine that is full ends the process.
        if (root.Device.type == DeviceType.CPU)
            Footprint.Check(catalog, config, rows.Shape);
        var method = Told("method", () => spec.Method.Build(root with { Shape = rows.Shape, Rng = root.Rng.Stream("init") }));
        method.to(root.Device);
        return method;
    }

    /// <summary>What the domain refuses only now, with the place where it was written.</summary>
    T Told<T>(string path, Func<T> make)
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

    /// <summary>Trains to the end.</summary>
    /// <returns>Why it diverged, or null.</returns>
    string? Train(Method method, IDataset data, Averages averages)
    {
        var train = spec.Train;
        using var optimizers = Told("train", () => new Optimizers(method, train));
        var batches = Told("train", () => new Batches(data.Train, train.Batch, root.Rng.Stream("batches")));
        var health = new Health(train.Health, data.Shape.Aggregate(1L, (product, n) => product * n));
        var trainer = new Trainer(method, batches, optimizers, averages, health, train, root.Rng.Stream("training"));
        var recorder = new Recorder(folder, optimizers, health);
        var evaluation = new Evaluation(method, data, spec.Measure, config);
        var (measured, saved) = (0L, 0L);
        if (checkpoint.Exists)
        {
            (measured, secondsBefore) = checkpoint.Load(method, batches, optimizers, averages, health, trainer);
            saved = step = trainer.Step;
        }
        folder.Truncate(trainer.Step, measured);

        void Save(Best? best = null)
        {
            if (saved == trainer.Step && best is null)
                return;
            trainSeconds = clock.Elapsed.TotalSeconds;
            checkpoint.Save(method, batches, optimizers, averages, health, trainer, measured, secondsBefore + trainSeconds, best);
            saved = trainer.Step;
            folder.Write(manifest with { Step = saved });
            note($"checkpoint at step {saved}: {Machine.LiveTensors} live tensors, {Environment.WorkingSet >> 20} MiB resident");
        }

        using var waiting = stop.Waiting();
        try
        {
            while (true)
            {
                if (trainer.Step > measured && trainer.Step % spec.Measure.Every == 0)
                {
                    var best = MeasureDuring(trainer.Step, method, averages, evaluation);
                    measured = trainer.Step;
                    if (best is not null)
                        Save(best);
                }
                if (trainer.Done || trainer.Step % train.CheckpointEvery == 0)
                    Save();
                if (trainer.Done)
                    break;
                stop.ThrowIfRequested();
                if (trainer.Step >= Until)
                    throw new StoppedException(new StopRequest(RunState.Interrupted, $"--until {Until}", 0));

                bool Records() => trainer.Done || trainer.Step % train.RecordEvery == 0;
                var applied = Told("method", () => trainer.Advance(Records));
                step = trainer.Step;
                var (position, end) = trainer.Progress;
                report(new Progress(Math.Min(position, end), end, "train"));
                var unwell = trainer.Diverged is not null || Records() ? recorder.Record(trainer.Step, trainer.Units, applied) : null;
                if ((trainer.Diverged ?? unwell) is not { } diverged)
                    continue;
                // What it looked like when it diverged: weights of the last update that was applied.
                Save();
                return diverged;
            }
        }
        catch (Exception error) when (error is StoppedException or NumericalException)
        {
            Save();
            throw;
        }
        finally
        {
            trainSeconds = clock.Elapsed.TotalSeconds;
            manifest = manifest with { Cost = new Spent(trainer.Units, 0, 0) };
        }
        return null;
    }

    /// <summary>A measurement during training, on the averaged weights; training does not notice.</summary>
    /// <returns>The measurement, where it is the best so far and the best is kept.</returns>
    Best? MeasureDuring(long at, Method method, Averages averages, Evaluation evaluation)
    {
        using var scope = NewDisposeScope();
        using var loan = new Loan(method, averages);
        var site = root with { Rng = root.Rng.Stream("measure").Stream(at) };
        var samples = evaluation.Draw(spec.Measure.EverySamples, site.Rng.Stream("samples"), _ => stop.ThrowIfRequested());
        var found = evaluation.Measure(samples, site, _ => stop.ThrowIfRequested(), spec.Measure.During);
        folder.Append(found.Select(measurement => new MeasuredAt(at, measurement)));
        if (spec.Train.Keep != Keep.Best)
            return null;

        var judge =
            found.FirstOrDefault(m => spec.Measure.Best is { } wanted ? m.Name == wanted : m.Better != Direction.None)
            ?? throw new ConfigException(
                config.Get("measure.best").Source,
                "measure.best",
                $"best is {spec.Measure.Best ?? "not given"}, and train.keep: best "
                    + $"needs one of the metrics taken during training: {string.Join(", ", found.Select(m => m.Name))}."
            );
        return checkpoint.Best is { } best && !(judge.Better.Cost(judge.Value) < judge.Better.Cost(best.Value))
            ? null
            : new Best(at, judge.Name, judge.Value);
    }

    /// <summary>Gives the method the weights of its best measurement, where these are the ones to judge.</summary>
    bool Best(Method method)
    {
        if (spec.Measure.Weights != Keep.Best)
            return false;
        if (spec.Train.Keep != Keep.Best || spec.Measure.Every is null)
            throw new ConfigException(
                config.Get("measure.weights").Source,
                "measure.weights",
                "weights is best, but no best weights are kept: that takes train.keep: best and measure.every."
            );
        checkpoint.Load(method, best: true);
        return true;
    }

    /// <summary>Samples, arrays and metrics of the trained method, written into a run's folder or the draft of one.</summary>
    void Judge(Method method, IDataset data, RunFolder into)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (evaluation, measure, units) = (new Evaluation(method, data, spec.Measure, config), spec.Measure, Cost.Units);
        var samples = evaluation.Draw(measure.Samples, root.Rng.Stream("samples"), n => report(new Progress(n, measure.Samples, "sample")));
        var values = samples.to(float32).cpu().contiguous().data<float>().ToArray();
        into.WriteSamples(values, samples.shape);
        if (Png.Draws(data.Shape))
            Draw(values, measure.Samples, data.Shape, into);
        var sampled = Cost.Units - units;

        var found = evaluation.Measure(
            samples,
            root with
            {
                Rng = root.Rng.Stream("measure"),
            },
            n => report(new Progress(n, measure.Metrics.Count, "measure"))
        );
        report(new Progress(measure.Metrics.Count, measure.Metrics.Count, "measure"));
        var arrays = NumericalException.In("drawing figures", () => Arrays(method, data, samples).ToList());
        into.Remove("arrays");
        into.Write(arrays);
        into.Write(found);
        manifest = manifest with
        {
            Cost = (manifest.Cost ?? new Spent(0, 0, 0)) with { Sample = sampled, Measure = Cost.Units - units - sampled },
        };
    }

    static void Draw(float[] values, long count, long[] shape, RunFolder into)
    {
        const int most = 100,
            columns = 10;
        var png = Png.Grid(values, (int)Math.Min(count, most), (int)shape[0], (int)shape[1], (int)shape[2], columns);
        into.Write("samples.png", stream => stream.Write(png));
    }

    /// <summary>What figures draw and no metric gives: the method's own portrait, and the energies of data and of samples.</summary>
    IEnumerable<NamedArray> Arrays(Method method, IDataset data, Tensor samples)
    {
        const long most = 2000;
        if (method is IPortrait portrait)
            foreach (var array in portrait.Portrait(root.Rng.Stream("measure").Stream("portrait")))
                yield return array;
        if (method is not IDensity density)
            yield break;
        foreach (var (name, rows) in new[] { ("energy-test", data.Test), ("energy-samples", samples) })
        {
            var energies = density.Density.Of(rows.narrow(0, 0, Math.Min(most, rows.shape[0]))).to(float32).cpu();
            yield return new NamedArray(name, ["row"], energies.shape, energies.data<float>().ToArray());
        }
    }

    RunManifest Over(string state, string? reason, int exitCode, int? signal = null)
    {
        stop.Over(() => End(state, reason, exitCode, signal));
        return manifest;
    }

    void End(string state, string? reason, int exitCode, int? signal)
    {
        manifest = manifest.Ended(state, step, reason, exitCode, signal) with
        {
            Timing = manifest.Timing! with
            {
                Ended = DateTime.UtcNow,
                Wall = secondsBefore + clock.Elapsed.TotalSeconds,
                Cpu = Processor - processorBefore,
                Train = secondsBefore + trainSeconds,
                Gpu = root.Device.type == DeviceType.CPU ? null : clock.Elapsed.TotalSeconds,
            },
            Peak = new Peak(Provenance.PeakMemory),
        };
        try
        {
            folder.Write(manifest);
        }
        catch (FencedException lost)
        {
            manifest = manifest.Ended(RunState.Lost, step, lost.Message, exitCode);
        }
    }

    static string Says(StopRequest request) => $"stopped by {request.By}";

    void Discard()
    {
        string[] made =
        [
            "checkpoint",
            "arrays",
            "events.jsonl",
            "measures.jsonl",
            "trace.jsonl",
            "metrics.json",
            "samples.npy",
            "samples.png",
        ];
        folder.FinishAdopting();
        folder.DropDrafts();
        foreach (var name in made)
            folder.Remove(name);
    }

    static double Processor
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>The first and last of each phase are told always, those between no more often than once in a while.</summary>
    static Action<Progress> Seldom(Action<Progress> report, TimeSpan pause)
    {
        var (since, phase) = (Stopwatch.StartNew(), "");
        return progress =>
        {
            if (progress.Phase == phase && progress.Done < progress.Of && since.Elapsed < pause)
                return;
            phase = progress.Phase;
            since.Restart();
            report(progress);
        };
    }

    public void Dispose() => claim.Dispose();
}
