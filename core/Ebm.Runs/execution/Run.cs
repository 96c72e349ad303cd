using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>A run opened in a script, for samples, scores and plots. Its weights are the averaged ones.</summary>
public sealed class Run : IDisposable
{
    Run(RunFolder folder, ExperimentSpec spec, Method method, IDataset data) => (Folder, Spec, Method, Data) = (folder, spec, method, data);

    public RunFolder Folder { get; }
    public ExperimentSpec Spec { get; }
    public Method Method { get; }
    public IDataset Data { get; }

    /// <summary>Opens a run that has a checkpoint, finished or not.</summary>
    /// <param name="folder">runs/&lt;sweep&gt;/&lt;run id&gt;.</param>
    /// <param name="best">Use the weights of the best measurement during training instead of the last ones.</param>
    /// <param name="data">The folder that contains the files of data sets; default: the variable EBM_DATA, else `data`.</param>
    /// <param name="device">The device of its tensors; default: the run's own.</param>
    /// <param name="with">Additional assemblies with kinds.</param>
    /// <exception cref="FileNotFoundException">There is no checkpoint.</exception>
    public static Run Open(string folder, bool best = false, string? data = null, string? device = null, params string[] with)
    {
        var at = RunFolder.Open(folder);
        var config = device is null ? at.Config : at.Config.With("device", Document.Of(device));
        var spec = Catalog.Load(with).Build<ExperimentSpec>(config);
        var root = new Site([], spec.OnDevice(), new Rng((ulong)spec.Seed, spec.OnDevice()), data ?? Experiment.DataRoot);
        var rows = spec.Data.Build(root with { Rng = root.Rng.Stream("data") });
        var method = spec.Method.Build(root with { Shape = rows.Shape, Rng = root.Rng.Stream("init") });
        method.to(root.Device);
        new Checkpoint(at).Load(method, best);
        method.eval();
        return new Run(at, spec, method, rows);
    }

    /// <summary>New rows: (count, …Shape). Another name gives another draw.</summary>
    public Tensor Sample(long count, string name = "script")
    {
        using var free = no_grad();
        using var stream = Stream(name);
        return Method.Sample(count, stream);
    }

    /// <summary>−log p(x) + const in nats, (B, …) → (B).</summary>
    /// <exception cref="NotSupportedException">The method has no density.</exception>
    public Tensor Energy(Tensor x)
    {
        if (Method is not IDensity density)
            throw new NotSupportedException($"{Method.GetName()} has no density to score with");
        using var free = no_grad();
        return density.Density.Of(x);
    }

    /// <summary>A named stream of the run's seed, for other draws of a script.</summary>
    public Rng Stream(string name) => new Rng((ulong)Spec.Seed, Data.Train.device).Stream("script").Stream(name);

    public void Dispose() => Method.Dispose();
}
