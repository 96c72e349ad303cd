using System.Text.Json;
using System.Text.Json.Nodes;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>The weights of the best measurement during training.</summary>
public sealed record Best(long Step, string Metric, double Value);

/// <summary>
/// The folder checkpoint/: everything that decides how training goes on. The method's registered children (networks, chains, steps),
/// the optimizers' moments, the averages as *.safetensors; step, units, the data's cursor, health's windows in state.json. Randomness
/// needs no state of its own: step n draws from the n-th stream of the run's seed. Replaced whole, so that one whole version is
/// always there.
/// </summary>
public sealed class Checkpoint(RunFolder folder)
{
    const string Folder = "checkpoint",
        State = "state.json",
        BestWeights = "best.safetensors";

    /// <summary>Whether there is one.</summary>
    public bool Exists => folder.Settle(Folder);

    /// <summary>The attempt that writes.</summary>
    public int Attempt { get; set; } = 1;

    /// <summary>The checkpoint that lies there as what an attempt goes on from; null without one.</summary>
    /// <param name="last">The number of the last attempt, which is taken to have written a checkpoint that does not say who did.</param>
    public ParentState? AsParent(int last)
    {
        if (!Exists)
            return null;
        JsonNode state;
        try
        {
            state = JsonNode.Parse(File.ReadAllText(folder.In(Folder, State)))!;
        }
        catch (Exception error) when (error is JsonException or FileNotFoundException)
        {
            return null; // loading it says what is wrong with it
        }
        var files = Directory
            .GetFiles(folder.In(Folder))
            .Select(file => Path.GetFileName(file))
            .Order(StringComparer.Ordinal)
            .Select(name => $"{Canonical.Sha256OfFile(folder.In(Folder, name))}  {name}\n");
        return new ParentState(folder.Id, (int?)state["attempt"] ?? last, (long)state["step"]!, Canonical.Sha256(string.Concat(files)));
    }

    /// <summary>Weights of the best measurement, once there is one.</summary>
    public Best? Best { get; private set; }

    /// <param name="measured">The last step at which training was measured.</param>
    /// <param name="seconds">Spent so far, over all attempts that this one rests on.</param>
    /// <param name="best">The measurement that just became the best, whose weights are the averages of now; null keeps the one before.</param>
    public void Save(
        Method method,
        Batches batches,
        Optimizers optimizers,
        Averages averages,
        Health health,
        Trainer trainer,
        long measured,
        double seconds,
        Best? best
    )
    {
        using var scope = NewDisposeScope();
        // What was recorded up to here must outlast a power cut that the checkpoint outlasts.
        foreach (var name in (string[])["events.jsonl", "measures.jsonl", "trace.jsonl"])
            if (File.Exists(folder.In(name)))
                using (var lines = new FileStream(folder.In(name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                    lines.Flush(flushToDisk: true);

        folder.Replace(
            Folder,
            at =>
            {
                Store(at, "method", method.state_dict().Select(s => (s.Key, s.Value)));
                Store(at, "optimizers", optimizers.Memory());
                Store(at, "averages", averages.Memory());
                if (best is not null)
                    using (new Loan(method, averages))
                        Store(at, "best", method.state_dict().Select(s => (s.Key, s.Value)));
                else if (Best is not null)
                    File.Copy(folder.In(Folder, BestWeights), Path.Combine(at, BestWeights));
                Best = best ?? Best;
                File.WriteAllText(
                    Path.Combine(at, State),
                    new JsonObject
                    {
                        ["attempt"] = Attempt,
                        ["step"] = trainer.Step,
                        ["units"] = trainer.Units,
                        ["measured"] = measured,
                        ["seconds"] = seconds,
                        ["cursor"] = new JsonObject { ["epoch"] = batches.Cursor.Epoch, ["position"] = batches.Cursor.Position },
                        ["health"] = health.Memory(),
                        ["best"] = Best is null
                            ? null
                            : new JsonObject
                            {
                                ["step"] = Best.Step,
                                ["metric"] = Best.Metric,
                                ["value"] = Best.Value,
                            },
                    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n"
                );
            }
        );
    }

    /// <summary>Puts everything back as it was saved.</summary>
    /// <returns>The last step at which training was measured, and the seconds spent up to then.</returns>
    /// <exception cref="InvalidDataException">The checkpoint is torn, or another method's.</exception>
    public (long Measured, double Seconds) Load(
        Method method,
        Batches batches,
        Optimizers optimizers,
        Averages averages,
        Health health,
        Trainer trainer
    )
    {
        using var scope = NewDisposeScope();
        var state = JsonNode.Parse(File.ReadAllText(folder.In(Folder, State)))!;
        Restore(method, "method");
        optimizers.Remember(Stored.Read(folder.In(Folder, "optimizers.safetensors")));
        averages.Remember(Stored.Read(folder.In(Folder, "averages.safetensors")));
        batches.Cursor = ((long)state["cursor"]!["epoch"]!, (long)state["cursor"]!["position"]!);
        health.Remember(state["health"]!.AsObject());
        trainer.Resume((long)state["step"]!, (long)state["units"]!);
        Best = state["best"] is { } best ? new Best((long)best["step"]!, (string)best["metric"]!, (double)best["value"]!) : null;
        return ((long)state["measured"]!, (double)state["seconds"]!);
    }

    /// <summary>Gives a method the averaged weights of the last checkpoint, or those of the best.</summary>
    /// <exception cref="FileNotFoundException">There is no such checkpoint.</exception>
    public void Load(Method method, bool best = false)
    {
        using var scope = NewDisposeScope();
        if (!Exists)
            throw new FileNotFoundException($"{folder.In(Folder)}: this run has no checkpoint, so there are no weights to open it with");
        if (best && !File.Exists(folder.In(Folder, BestWeights)))
            throw new FileNotFoundException(
                $"{folder.In(Folder, BestWeights)}: this run kept no best weights; train.keep: best with measure.every keeps them"
            );
        Restore(method, best ? "best" : "method");
        if (best)
            return;
        using var free = no_grad();
        var parameters = method.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var (name, mean) in Stored.Read(folder.In(Folder, "averages.safetensors")))
            parameters[name].copy_(mean);
    }

    void Restore(Method method, string name)
    {
        using var free = no_grad();
        var path = folder.In(Folder, name + ".safetensors");
        var saved = Stored.Read(path);
        var live = method.state_dict();
        if (!live.Keys.ToHashSet().SetEquals(saved.Keys))
            throw new InvalidDataException(
                $"{path}: this is another method's checkpoint: {string.Join(", ", live.Keys.Except(saved.Keys).Concat(saved.Keys.Except(live.Keys)).Take(4))} do not match"
            );
        foreach (var (key, value) in saved)
            live[key].copy_(value);
    }

    static void Store(string at, string name, IEnumerable<(string, Tensor)> tensors) =>
        Stored.Write(Path.Combine(at, name + ".safetensors"), tensors);
}
