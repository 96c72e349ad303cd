using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The folder checkpoint/: a <see cref="TrainingState"/> as state.json and *.safetensors. It is replaced atomically, so a complete version always
/// exists.
/// </summary>
public sealed class Checkpoint(RunFolder folder)
{
    const string Folder = "checkpoint",
        State = "state.json",
        BestWeights = "best.safetensors";

    /// <summary>Whether a checkpoint exists.</summary>
    public bool Exists => folder.Settle(Folder);

    /// <summary>The existing checkpoint as the parent of an attempt; null without one.</summary>
    /// <param name="last">The number of the last attempt, assumed for a checkpoint without an attempt number.</param>
    public ParentState? AsParent(int last)
    {
        if (!Exists)
            return null;
        TrainingState state;
        try
        {
            state = Numbers();
        }
        catch (Exception error) when (error is InvalidDataException or FileNotFoundException)
        {
            return null; // loading it says what is wrong with it
        }
        var files = Directory.GetFiles(folder.In(Folder)).Select(file => (Path.GetFileName(file), Canonical.Sha256OfFile(file)));
        return new ParentState(folder.Id, state.Attempt ?? last, state.Step, ParentState.HashOf(files));
    }

    /// <summary>The checkpoint of another run that this one was taken from; null if there is none.</summary>
    public ParentState? TakenFrom
    {
        get
        {
            try
            {
                return Exists ? Numbers().TakenFrom : null;
            }
            catch (Exception error) when (error is InvalidDataException or FileNotFoundException)
            {
                return null; // loading it says what is wrong with it
            }
        }
    }

    /// <summary>Takes the records and the last checkpoint of another run's training; the state then names that run and this attempt.</summary>
    /// <exception cref="InvalidDataException">A file of the other run is missing or was changed; this run has no checkpoint then.</exception>
    internal void Take(SharedTraining training, int attempt)
    {
        // The checkpoint last: without it, the next attempt begins at step 0.
        training.CopyRecords(folder);
        folder.Replace(
            Folder,
            at =>
            {
                training.CopyCheckpoint(at);
                var state = Path.Combine(at, State);
                var taken = JsonText.Read<TrainingState>(RegularFile.Text(state, RegularFile.Record), state);
                File.WriteAllText(state, JsonText.ReadableOf(taken with { Attempt = attempt, TakenFrom = training.Origin }));
            }
        );
    }

    /// <summary>Replaces the checkpoint. Weights of an earlier best measurement are kept.</summary>
    public void Save(TrainingState state)
    {
        // Records up to this step must survive a power failure if the checkpoint does.
        folder.Flush();
        folder.Replace(
            Folder,
            at =>
            {
                void Store(string name, IReadOnlyDictionary<string, Tensor> tensors) =>
                    Stored.Write(Path.Combine(at, name + ".safetensors"), tensors.Select(tensor => (tensor.Key, tensor.Value)));

                Store("method", state.Method);
                Store("optimizers", state.Optimizers);
                Store("averages", state.Averages);
                if (state.IsBest)
                    Store(
                        "best",
                        state.Method.ToDictionary(live => live.Key, live => state.Averages.GetValueOrDefault(live.Key, live.Value))
                    );
                else if (state.Best is not null)
                    File.Copy(folder.In(Folder, BestWeights), Path.Combine(at, BestWeights));
                File.WriteAllText(Path.Combine(at, State), JsonText.ReadableOf(state));
            }
        );
    }

    /// <summary>The saved state; its tensors are on the CPU, in the current scope.</summary>
    /// <exception cref="InvalidDataException">The checkpoint is torn or was changed.</exception>
    public TrainingState Load() =>
        Numbers() with
        {
            Method = Tensors("method"),
            Optimizers = Tensors("optimizers"),
            Averages = Tensors("averages"),
        };

    /// <summary>Loads the averaged weights of the last checkpoint, or those of the best measurement, into a method.</summary>
    /// <exception cref="FileNotFoundException">There is no such checkpoint.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is torn, or belongs to another method.</exception>
    public void Load(Method method, bool best = false)
    {
        using var scope = NewDisposeScope();
        if (!Exists)
            throw new FileNotFoundException($"{folder.In(Folder)}: this run has no checkpoint, so there are no weights to open it with");
        if (best && !File.Exists(folder.In(Folder, BestWeights)))
            throw new FileNotFoundException(
                $"{folder.In(Folder, BestWeights)}: this run kept no best weights; set train.keep: best and measure.every to keep them"
            );
        Restore(method, Tensors(best ? "best" : "method"));
        if (best)
            return;
        using var free = no_grad();
        var parameters = method.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var (name, mean) in Tensors("averages"))
            parameters[name].copy_(mean);
    }

    /// <summary>Loads the parameters and buffers of a checkpoint into a method.</summary>
    /// <exception cref="InvalidDataException">They belong to another method.</exception>
    public void Restore(Method method, IReadOnlyDictionary<string, Tensor> saved)
    {
        using var free = no_grad();
        var live = method.state_dict();
        if (!live.Keys.ToHashSet().SetEquals(saved.Keys))
            throw new InvalidDataException(
                $"{folder.In(Folder)}: this is another method's checkpoint: {string.Join(", ", live.Keys.Except(saved.Keys).Concat(saved.Keys.Except(live.Keys)).Take(4))} do not match"
            );
        foreach (var (key, value) in saved)
            live[key].copy_(value);
    }

    TrainingState Numbers() =>
        JsonText.Read<TrainingState>(RegularFile.Text(folder.In(Folder, State), RegularFile.Record), folder.In(Folder, State));

    IReadOnlyDictionary<string, Tensor> Tensors(string name) => Stored.Read(folder.In(Folder, name + ".safetensors"));
}
