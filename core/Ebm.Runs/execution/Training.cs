using System.Diagnostics;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The first phase of a run: training, with records, measurements and checkpoints. It resumes from a checkpoint, if there is one, and writes the
/// same bytes as an uninterrupted run. All ranks train; rank 0 measures, and writes all files.
/// </summary>
sealed class Training : IDisposable
{
    readonly RunContext run;
    readonly TrainSpec train;
    readonly MeasureSpec measure;
    readonly Checkpoint checkpoint;
    readonly int attempt;
    readonly Stopwatch clock;
    readonly Method method;
    readonly Batches batches;
    readonly Optimizers optimizers;
    readonly Averages averages;
    readonly Health health;
    readonly Trainer trainer;
    readonly Recorder recorder;
    readonly Evaluation evaluation;
    readonly Ranks ranks = Ranks.Here;
    Best? best;
    long measured,
        saved;

    /// <param name="attempt">The number of the attempt.</param>
    /// <param name="clock">Running since the start of the attempt.</param>
    /// <exception cref="ConfigException">The method or the data reject a setting of `train`.</exception>
    public Training(RunContext run, Checkpoint checkpoint, int attempt, Stopwatch clock, Method method, IDataset data, Averages averages)
    {
        (this.run, this.checkpoint, this.attempt, this.clock) = (run, checkpoint, attempt, clock);
        (this.method, this.averages) = (method, averages);
        (train, measure) = (run.Spec.Train, run.Spec.Measure);
        optimizers = run.Placed("train", () => new Optimizers(method, train));
        batches = run.Placed("train", () => new Batches(data.TrainRows, train.Batch, run.Root.Rng.Stream("batches")));
        health = new Health(train.Health, data.Shape.Aggregate(1L, (product, n) => product * n));
        trainer = new Trainer(method, batches, optimizers, averages, health, train, run.Root.Rng.Stream("training"));
        recorder = new Recorder(run.Folder, optimizers, health);
        evaluation = new Evaluation(method, data, measure, run.Config, run.DataSettings);
    }

    /// <summary>Completed steps, including their records.</summary>
    public long Step { get; private set; }

    /// <summary>Units of cost spent on training in all attempts.</summary>
    public long Units => trainer.Units;

    /// <summary>Seconds of earlier attempts up to the checkpoint.</summary>
    public double SecondsBefore { get; private set; }

    /// <summary>Seconds of this attempt up to its last checkpoint, or to the end of training.</summary>
    public double Seconds { get; private set; }

    /// <summary>The step after which training is interrupted; null trains to the end.</summary>
    public long? Until { get; init; }

    /// <summary>Receives the step of each checkpoint.</summary>
    public required Action<long> Saved { get; init; }

    /// <summary>Loads the checkpoint, if there is one, and removes records after it.</summary>
    /// <exception cref="InvalidDataException">The checkpoint is torn, or belongs to another method.</exception>
    public void Resume()
    {
        if (checkpoint.Exists)
        {
            using var scope = NewDisposeScope();
            var state = checkpoint.Load();
            checkpoint.Restore(method, state.Method);
            optimizers.Remember(state.Optimizers);
            averages.Remember(state.Averages);
            batches.Cursor = (state.Cursor.Epoch, state.Cursor.Position);
            health.Remember(state.Health);
            trainer.Resume(state.Step, state.Units);
            (measured, SecondsBefore, best) = (state.Measured, state.Seconds, state.Best);
            saved = Step = state.Step;
            // Nothing is left to train, so that no step will say that training has ended.
            if (trainer.Done)
                Report();
        }
        if (ranks.Leads)
            run.Folder.Truncate(trainer.Step, measured);
    }

    /// <summary>
    /// Trains to the end:
    /// <code>
    /// repeat
    ///   measure every so many steps, and save if that is the best so far
    ///   save every so many steps, and at the end
    ///   end if all steps are done or a stop was requested
    ///   take one step, record it every so many steps, and check its health
    /// until training has diverged
    /// </code>
    /// In every case, the last completed step is saved.
    /// </summary>
    /// <returns>Why it diverged, or null.</returns>
    /// <exception cref="StoppedException">A stop was requested, or <see cref="Until"/> is reached.</exception>
    public string? ToTheEnd()
    {
        using var waiting = run.Stop.Waiting();
        try
        {
            while (true)
            {
                if (trainer.Step > measured && trainer.Step % measure.Every == 0)
                    Measure();
                if (trainer.Done || trainer.Step % train.CheckpointEvery == 0)
                    Save();
                if (trainer.Done)
                    return null;
                ThrowIfStopped();

                bool Records() => trainer.Done || trainer.Step % train.RecordEvery == 0;
                var applied = run.Placed("method", () => trainer.Advance(Records));
                Step = trainer.Step;
                Report();
                if (health.Diverged is not null || Records())
                    recorder.Record(trainer.Step, trainer.Units, applied);
                if (health.Diverged is { } diverged)
                {
                    // Keep the state at divergence: the weights after the last applied update.
                    Save();
                    return diverged;
                }
            }
        }
        catch (Exception error) when (error is StoppedException or NumericalException)
        {
            Save();
            throw;
        }
        finally
        {
            Seconds = clock.Elapsed.TotalSeconds;
        }
    }

    void Report()
    {
        var (position, end) = trainer.Progress;
        run.Report(new Progress(Math.Min(position, end), end, Phase.Train));
    }

    /// <summary>Measures during training with the averaged weights, without affecting training. Saves the state if it is the best and the best is
    /// kept.</summary>
    void Measure()
    {
        var better = Taken() is { } found && IsBetter(found);
        measured = trainer.Step;
        // Rank 0 knows.
        if (ranks.Sum(better ? 1 : 0) > 0)
            Save(isBest: true);
    }

    /// <summary>All ranks stop after the same step if one of them was asked to, or rank 0 has reached <see cref="Until"/>.</summary>
    void ThrowIfStopped()
    {
        var isThere = trainer.Step >= Until;
        if (ranks.Sum(run.Stop.Requested is not null || isThere ? 1 : 0) == 0)
            return;
        run.Stop.ThrowIfRequested();
        if (isThere)
            throw new StoppedException(new StopRequest(RunState.Interrupted, $"--until {Until}", 0));
        throw new StoppedException(new StopRequest(RunState.Preempted, "a signal to another rank", 15));
    }

    /// <summary>Null on ranks that only draw samples.</summary>
    IReadOnlyList<Measurement>? Taken()
    {
        using var scope = NewDisposeScope();
        using var loan = new Loan(method, averages);
        var site = run.Root with { Rng = run.Root.Rng.Stream("measure").Stream(trainer.Step) };
        // A single process can stop between two draws; ranks stop together after the step.
        void Look()
        {
            if (ranks.Count == 1)
                run.Stop.ThrowIfRequested();
        }
        var samples = evaluation.Draw(measure.EverySamples, site.Rng.Stream("samples"), _ => Look());
        if (!ranks.Leads)
            return null;
        var found = evaluation.Measure(samples, site, _ => Look(), measure.During);
        run.Folder.Append(found.Select(measurement => new MeasuredAt(trainer.Step, measurement)));
        return found;
    }

    bool IsBetter(IReadOnlyList<Measurement> found)
    {
        if (train.Keep != Keep.Best)
            return false;
        var deciding =
            found.FirstOrDefault(m => measure.Best is { } wanted ? m.Name == wanted : m.Better != Direction.None)
            ?? throw new ConfigException(
                run.Config.Get("measure.best").Source,
                "measure.best",
                $"best is {measure.Best ?? "not given"}, and train.keep: best "
                    + $"needs one of the metrics taken during training: {string.Join(", ", found.Select(m => m.Name))}."
            );
        if (best is { } before && !(deciding.Better.Cost(deciding.Value) < deciding.Better.Cost(before.Value)))
            return false;
        best = new Best(trainer.Step, deciding.Name, deciding.Value);
        return true;
    }

    void Save(bool isBest = false)
    {
        if (saved == trainer.Step && !isBest)
            return;
        using var scope = NewDisposeScope();
        Seconds = clock.Elapsed.TotalSeconds;
        ranks.Agree(method);
        saved = trainer.Step;
        if (!ranks.Leads)
            return;
        checkpoint.Save(
            new TrainingState
            {
                Attempt = attempt,
                Step = trainer.Step,
                Units = trainer.Units,
                Measured = measured,
                Seconds = SecondsBefore + Seconds,
                Cursor = new Cursor(batches.Cursor.Epoch, batches.Cursor.Position),
                Health = health.Memory(),
                Best = best,
                IsBest = isBest,
                Method = method.state_dict(),
                Optimizers = optimizers.Memory().ToDictionary(moment => moment.Name, moment => moment.Value),
                Averages = averages.Memory().ToDictionary(mean => mean.Name, mean => mean.Value),
            }
        );
        Saved(saved);
        run.Note($"checkpoint at step {saved}: {Machine.LiveTensors} live tensors, {Environment.WorkingSet >> 20} MiB resident");
    }

    public void Dispose() => optimizers.Dispose();
}
