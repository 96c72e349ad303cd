using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// A rank other than rank 0: it trains on its share of each batch and draws its share of the samples. Rank 0, an <see cref="Execution"/>, does
/// everything else: it claims the run, and writes records, checkpoints, samples and metrics.
/// </summary>
public sealed class OtherRank(RunFolder folder, Catalog catalog, string dataRoot, Stop stop) : IAudience
{
    readonly Ranks ranks = Ranks.Here;

    /// <summary>Follows rank 0 until the run ends, or until a rank fails; rank 0 writes why.</summary>
    /// <returns>The error of this rank, which the others know; null if there is none.</returns>
    public Exception? Run()
    {
        try
        {
            Follow();
            return null;
        }
        catch (Exception error) when (error is StoppedException or RankFailedException)
        {
            // All ranks stop after the same step.
            return null;
        }
        catch (Exception error)
        {
            ranks.Fail(error is NumericalException, error.Message);
            return error;
        }
    }

    void Follow()
    {
        // Rank 0 says whether anything is left to do.
        if (ranks.Sum(0) == 0)
            return;
        var resolved = catalog.Resolve<ExperimentSpec>(folder.Config);
        var run = RunContext.Of(folder, resolved, dataRoot, stop, this);
        using var method = run.Build(catalog, out var data);
        ranks.Meet("training");
        using var averages = new Averages(method, run.Spec.Train.Average);
        if (!Trained(run, method, data, averages))
            return;
        Draw(run, method, data, averages);
        ranks.Meet("end");
    }

    /// <returns>False if training diverged.</returns>
    bool Trained(RunContext run, Method method, IDataset data, Averages averages)
    {
        using var training = new Training(run, new Checkpoint(folder), 0, new(), method, data, averages) { Saved = _ => { } };
        training.Resume();
        return training.ToTheEnd() is null;
    }

    void Draw(RunContext run, Method method, IDataset data, Averages averages)
    {
        using var scope = NewDisposeScope();
        var measure = run.Spec.Measure;
        var isBest = measure.Weights == Keep.Best;
        if (isBest)
            new Checkpoint(folder).Load(method, best: true);
        using (isBest ? null : new Loan(method, averages))
            _ = new Evaluation(method, data, measure, run.Config, run.DataSettings).Draw(
                measure.Samples,
                run.Root.Rng.Stream("samples"),
                _ => { }
            );
    }

    public void Progress(Progress at) { }

    public void Note(string line) { }

    /// <summary>The number of processes is not that of the config.</summary>
    internal static ConfigException OtherRanks(Document config)
    {
        var (setting, wanted) = (config.Get("train.ranks"), config.Get("train.ranks").AsInteger());
        var start = $"mpirun -n {wanted} ebm-runner exec <run folder>, or srun --ntasks={wanted} --mpi=pmix ebm-runner exec <run folder>";
        return new ConfigException(
            setting.Source,
            "train.ranks",
            wanted == 1
                ? $"ranks is 1, but {Ranks.Here.Count} processes were started; set train.ranks={Ranks.Here.Count}, or start one process."
                : $"ranks is {wanted}, but {Ranks.Here.Count} {(Ranks.Here.Count == 1 ? "process was" : "processes were")} started; start it as {start}."
        );
    }
}
