using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The second and third phases of a run: samples of the trained method, and their metrics, with the arrays for figures.
/// </summary>
sealed class Results(RunContext run, Method method, IDataset data)
{
    readonly MeasureSpec measure = run.Spec.Measure;
    readonly Evaluation evaluation = new(method, data, run.Spec.Measure, run.Config);

    /// <summary>
    /// <code>
    /// sample:  x₁ … x_n from the method, written to samples.npy (and as a picture)
    /// measure: every metric of x₁ … x_n, ordered by name
    /// draw:    the method's portrait, and the energies of test rows and of samples
    /// </code>
    /// </summary>
    /// <param name="into">The run's folder, or the draft of one.</param>
    /// <returns>The units of cost of sampling, and of measuring and drawing.</returns>
    public (long Sample, long Measure) Into(RunFolder into)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var units = Cost.Units;
        var samples = evaluation.Draw(measure.Samples, run.Root.Rng.Stream("samples"), n => Report(n, measure.Samples, Phase.Sample));
        var values = samples.to(float32).cpu().contiguous().data<float>().ToArray();
        into.WriteSamples(values, samples.shape);
        if (Png.Draws(data.Shape))
            Draw(values, into);
        var sampled = Cost.Units - units;

        var site = run.Root with { Rng = run.Root.Rng.Stream("measure") };
        var found = evaluation.Measure(samples, site, n => Report(n, measure.Metrics.Count, Phase.Measure));
        Report(measure.Metrics.Count, measure.Metrics.Count, Phase.Measure);
        var arrays = NumericalException.In("drawing figures", () => Arrays(samples).ToList());
        into.Remove("arrays");
        into.Write(arrays);
        into.Write(found);
        return (sampled, Cost.Units - units - sampled);
    }

    void Report(long done, long of, Phase phase) => run.Report(new Progress(done, of, phase));

    void Draw(float[] values, RunFolder into)
    {
        const int most = 100,
            columns = 10;
        var shape = data.Shape;
        var png = Png.Grid(values, (int)Math.Min(measure.Samples, most), (int)shape[0], (int)shape[1], (int)shape[2], columns);
        into.Write("samples.png", stream => stream.Write(png));
    }

    /// <summary>Arrays for figures that no metric returns: the method's own portrait, and the energies of data and of samples.</summary>
    IEnumerable<NamedArray> Arrays(Tensor samples)
    {
        const long most = 2000;
        if (method is IPortrait portrait)
            foreach (var array in portrait.Portrait(run.Root.Rng.Stream("measure").Stream("portrait")))
                yield return array;
        if (method is not IDensity density)
            yield break;
        foreach (var (name, rows) in new[] { ("energy-test", data.Test), ("energy-samples", samples) })
        {
            var energies = density.Density.Of(rows.narrow(0, 0, Math.Min(most, rows.shape[0]))).to(float32).cpu();
            yield return new NamedArray(name, ["row"], energies.shape, energies.data<float>().ToArray());
        }
    }
}
