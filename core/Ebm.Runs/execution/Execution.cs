using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// One attempt at a run, from its config to its completed manifest: begin; train (<see cref="Training"/>); sample and measure (<see
/// cref="Results"/>); end. A stopped run resumes from its checkpoint and writes the same bytes as an uninterrupted one. This is rank 0; the others are
/// <see cref="OtherRank"/>s.
/// </summary>
public sealed class Execution : IDisposable
{
    readonly RunFolder folder;
    readonly Catalog catalog;
    readonly Document read,
        config;
    readonly Resolved<ExperimentSpec> resolved;
    readonly Document? measure;
    readonly ExperimentSpec spec;
    readonly Stop stop;
    readonly IAudience audience;
    readonly Checkpoint checkpoint;
    readonly Claim claim;
    readonly string dataRoot;
    readonly LaunchRecord? launch;
    readonly bool isEdited;
    readonly Stopwatch clock = new();
    readonly double processorBefore = Processor;
    RunManifest manifest;
    RunContext run = null!; // set by Prepare
    Training? training;

    /// <param name="folder">A run's folder with its config.</param>
    /// <param name="catalog">The catalog of the config's kinds.</param>
    /// <param name="dataRoot">The folder that contains the files of data sets.</param>
    /// <param name="stop">Checked between steps.</param>
    /// <param name="audience">Receives progress, at most as often as logging.progress allows.</param>
    /// <param name="launch">The launch record of the sweep; null for a run without a sweep.</param>
    /// <param name="measure">The group to measure by; null for that of the folder's config.</param>
    /// <exception cref="ConfigException">The config is not valid.</exception>
    /// <exception cref="TakenException">Another process is executing the run.</exception>
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
        (this.catalog, this.dataRoot, this.stop, this.audience) = (catalog, dataRoot, stop, audience);
        (this.launch, this.measure) = (launch, measure);
        read = measure is null ? folder.Config : folder.Config.With("measure", measure);
        resolved = catalog.Resolve<ExperimentSpec>(read);
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
            TrainingSha256 = Identity.OfTraining(resolved),
        };
        claim = new Claim(folder);
        this.folder = claim.Folder;
        checkpoint = new Checkpoint(this.folder);
    }

    /// <summary>The step after which training is interrupted, for an audit that compares traces up to it. Null trains to the end.</summary>
    public long? Until { get; init; }

    /// <summary>Starts an attempt: moves earlier ones away, and writes a manifest with the state "running" before any computation.</summary>
    /// <param name="afresh">Discards results and checkpoint, even of a completed run.</param>
    /// <returns>False if the run is completed and nothing is left to do.</returns>
    /// <exception cref="ConfigException">The device does not exist.</exception>
    public bool Begin(bool afresh = false)
    {
        var attempt = new Attempt(folder);
        if (!attempt.Follows(afresh))
        {
            Ranks.Here.Sum(0);
            return false;
        }
        if (spec.Train.Ranks != Ranks.Here.Count)
            throw OtherRank.OtherRanks(config);
        Provenance.ForgetPeak();
        Prepare();
        var (last, earlier) = (attempt.Last, attempt.Earlier);
        var step = attempt.Clear();
        // Record what this attempt is made from.
        clock.Start();
        manifest = Provenance.Of(
            manifest with
            {
                Step = step,
                Overrides = last?.Overrides ?? [],
                Origins = last?.Origins,
                Choices = last?.Choices,
                Others = last?.Others,
                Parent = checkpoint.AsParent(earlier is [.., var before] ? before.Attempt : 1),
                TrainedBy = checkpoint.TakenFrom,
                Timing = new Timing(DateTime.UtcNow, Queued: last is { State: RunState.Pending } ? last.Timing?.Queued : null),
            },
            launch,
            spec.Threads,
            spec.Matmul,
            run.Root.Rng
        );
        manifest = manifest with { Attempt = attempt.Number() };
        manifest = manifest with { Interventions = Lineage.Of(manifest, earlier, folder, isEdited) };
        folder.Write(manifest);
        Ranks.Here.Sum(1);
        return true;
    }

    /// <summary>Executes the remaining phases, after <see cref="Begin"/>.</summary>
    /// <returns>The manifest written at the end: completed, diverged, interrupted, preempted or failed.</returns>
    /// <param name="failed">Receives the exception of a failed run.</param>
    public RunManifest Run(Action<Exception> failed)
    {
        stop.LastWords = request => End(request.State, Says(request), request.ExitCode, request.Signal);
        try
        {
            // Build data and method; the manifest records the data before the first step.
            using var method = Build(out var data);
            folder.Write(manifest);
            // Train, from the checkpoint if there is one, or take the training of another run.
            Share();
            Ranks.Here.Meet("training");
            using var averages = new Averages(method, spec.Train.Average);
            if (Train(method, data, averages) is { } reason)
                return Over(RunState.Diverged, reason, 1);
            // Sample and measure, with the best weights or the averaged ones.
            using (Best(method) ? null : new Loan(method, averages))
                WriteResults(method, data, folder);
            Ranks.Here.Meet("end");
            return Over(RunState.Completed, null, 0);
        }
        catch (StoppedException stopped)
        {
            return Over(stopped.Request.State, Says(stopped.Request), stopped.Request.ExitCode, stopped.Request.Signal);
        }
        catch (RankFailedException error) when (error.IsNumerical)
        {
            return Over(RunState.Diverged, error.Message, 1);
        }
        catch (NumericalException error)
        {
            Ranks.Here.Fail(isNumerical: true, error.Message);
            return Over(RunState.Diverged, error.Message, 1);
        }
        catch (Exception error)
        {
            failed(error);
            if (error is not RankFailedException)
                Ranks.Here.Fail(isNumerical: false, error.Message);
            // libtorch's message continues with its own stack after the first line; stderr.log has all of it.
            var reason = error is ExternalException ? error.Message.Split('\n')[0] : error.Message;
            return Over(
                error is FencedException ? RunState.Lost : RunState.Failed,
                reason,
                error is ConfigException or SettingException ? 2 : 1
            );
        }
    }

    /// <summary>
    /// Samples and measures a completed run again without training, possibly with another measure group. The old results stay until all new ones
    /// are complete.
    /// </summary>
    /// <exception cref="InvalidOperationException">The run is not completed, or its data are not those that it was trained on.</exception>
    public RunManifest Measure()
    {
        folder.FinishAdopting();
        if (folder.Manifest is not { State: RunState.Completed } completed)
            throw new InvalidOperationException($"only a completed run can be measured again; this one is {Kebab.Of(folder.State)}");
        manifest = completed;
        var draft = folder.Draft();
        Prepare();
        using var method = Build(out var data);
        // The manifest would name the new data, and nothing would show that the weights come from others.
        if (completed.Data is [{ } trained, ..] && trained.Digest != manifest.Data[0].Digest)
            throw new InvalidOperationException(
                $"the data {trained.Name} were changed after the run was trained on them; restore them, or execute the run again"
            );
        if (!Best(method))
            checkpoint.Load(method);
        method.eval();
        WriteResults(method, data, draft);
        if (measure is not null)
            draft.Write("config.yaml", stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(read.ToYaml())));
        stop.Over(() => folder.Adopt(draft, manifest));
        return manifest;
    }

    void Prepare() => run = RunContext.Of(folder, resolved, dataRoot, stop, audience);

    /// <summary>Builds data and the untrained method; the manifest gets the data.</summary>
    Method Build(out IDataset data)
    {
        var method = run.Build(catalog, out data);
        manifest = manifest with { Data = [Inputs.Of(data, dataRoot, run.DataSettings)] };
        return method;
    }

    /// <summary>Takes the training of another run, if this one has none of its own and there is one to share.</summary>
    void Share()
    {
        // An audit that trains up to a step compares what this code computes.
        if (checkpoint.Exists || Until is not null || SharedTraining.For(folder, manifest, audience.Note) is not { } training)
            return;
        try
        {
            checkpoint.Take(training, manifest.Attempt);
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            audience.Note($"the training of {training.Folder.Id} is not taken: {error.Message}");
            return;
        }
        manifest = manifest with { TrainedBy = training.Origin };
        folder.Write(manifest);
        audience.Note($"training: that of {training.Folder.Id}, {training.Manifest.Step} steps, is taken, because it would be the same");
    }

    /// <summary>Trains to the end.</summary>
    /// <returns>Why it diverged, or null.</returns>
    string? Train(Method method, IDataset data, Averages averages)
    {
        using var phase = training = new Training(run, checkpoint, manifest.Attempt, clock, method, data, averages)
        {
            Until = Until,
            Saved = step => folder.Write(manifest with { Step = step }),
        };
        phase.Resume();
        try
        {
            return phase.ToTheEnd();
        }
        finally
        {
            manifest = manifest with { Cost = new Spent(phase.Units, 0, 0) };
        }
    }

    /// <summary>Loads the weights of the best measurement, if those are the ones to measure.</summary>
    bool Best(Method method)
    {
        if (spec.Measure.Weights != Keep.Best)
            return false;
        if (spec.Train.Keep != Keep.Best || spec.Measure.Every is null)
            throw new ConfigException(
                config.Get("measure.weights").Source,
                "measure.weights",
                "weights is best, but no best weights are kept; set train.keep: best and measure.every."
            );
        checkpoint.Load(method, best: true);
        return true;
    }

    /// <summary>Writes samples, arrays and metrics of the trained method to a run's folder or to a draft.</summary>
    void WriteResults(Method method, IDataset data, RunFolder into)
    {
        var (sample, measured) = new Results(run, method, data).Into(into);
        manifest = manifest with { Cost = (manifest.Cost ?? new Spent(0, 0, 0)) with { Sample = sample, Measure = measured } };
    }

    RunManifest Over(RunState state, string? reason, int exitCode, int? signal = null)
    {
        stop.Over(() => End(state, reason, exitCode, signal));
        return manifest;
    }

    void End(RunState state, string? reason, int exitCode, int? signal)
    {
        var (step, before) = (training?.Step ?? 0, training?.SecondsBefore ?? 0);
        manifest = manifest.Ended(state, step, reason, exitCode, signal) with
        {
            Timing = manifest.Timing! with
            {
                Ended = DateTime.UtcNow,
                Wall = before + clock.Elapsed.TotalSeconds,
                Cpu = Processor - processorBefore,
                Train = before + (training?.Seconds ?? 0),
                Gpu = run.Root.Device.type == DeviceType.CPU ? null : clock.Elapsed.TotalSeconds,
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

    static double Processor
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.TotalProcessorTime.TotalSeconds;
        }
    }

    public void Dispose() => claim.Dispose();
}
