using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The second and third phases of a run: samples of the trained method, and their metrics, with the arrays for figures.
/// </summary>
sealed class Results(RunContext run, Method method, IDataset data)
{
    readonly MeasureSpec measure = run.Spec.Measure;
    readonly Evaluation evaluation = new(method, data, run.Spec.Measure, run.Config, run.DataSettings);

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

    const int MostPictures = 100;

    void Draw(float[] values, RunFolder into)
    {
        const int columns = 10;
        var shape = data.Shape;
        var png = Png.Grid(values, (int)Math.Min(measure.Samples, MostPictures), (int)shape[0], (int)shape[1], (int)shape[2], columns);
        into.Write("samples.png", stream => stream.Write(png));
    }

    /// <summary>Arrays for figures that no metric returns: the method's own portrait, the energies of data and of samples, and for images real rows
    /// and chains.</summary>
    IEnumerable<NamedArray> Arrays(Tensor samples) =>
        Portrait().Concat(Energies(samples)).Concat(Png.Draws(data.Shape) ? Pictures(samples) : []);

    IEnumerable<NamedArray> Portrait() =>
        method is IPortrait portrait ? portrait.Portrait(run.Root.Rng.Stream("measure").Stream("portrait")) : [];

    IEnumerable<NamedArray> Energies(Tensor samples)
    {
        const long most = 2000;
        if (method is not IDensity density)
            yield break;
        foreach (var (name, rows) in new[] { ("energy-test", data.Test), ("energy-samples", samples) })
        {
            var energies = density.Density.Of(rows.narrow(0, 0, Math.Min(most, rows.shape[0]))).to(float32).cpu();
            yield return new NamedArray(name, ["row"], energies.shape, energies.data<float>().ToArray());
        }
    }

    /// <summary>
    /// `real` has test rows to compare samples with. `nearest` has the training rows nearest to the first samples, and `nearest-distance` the distances
    /// of samples and of test rows to their nearest training rows: samples that are much nearer than test rows are copies. `film` has the frames of a few chains, and `film-axis` their places: the noise levels of a ladder,
    /// from noise to data, or how many times as long as in generation a chain ran.
    /// </summary>
    IEnumerable<NamedArray> Pictures(Tensor samples)
    {
        const int copies = 20;
        const int chains = 8,
            frames = 10;
        yield return Core.Arrays.Named(
            "real",
            ["row", "channel", "height", "width"],
            data.Test.narrow(0, 0, Math.Min(MostPictures, data.Test.shape[0]))
        );
        var (at, near) = Nearest(samples.narrow(0, 0, Math.Min(MostPictures, samples.shape[0])));
        var (_, usual) = Nearest(data.Test.narrow(0, 0, Math.Min(MostPictures, data.Test.shape[0])));
        yield return Core.Arrays.Named(
            "nearest",
            ["sample", "channel", "height", "width"],
            data.Train.index_select(0, at.narrow(0, 0, Math.Min(copies, at.shape[0])))
        );
        yield return Core.Arrays.Named("nearest-distance", ["sample"], near);
        yield return Core.Arrays.Named("nearest-distance-test", ["row"], usual);
        Rng Stream() => run.Root.Rng.Stream("measure").Stream("film");
        var (what, places, film) = method switch
        {
            ILadder ladder => Frames(ladder.Visit(chains, Stream()), frames),
            // The same stream each time, so that a longer chain continues a shorter one where the method allows it.
            IChains walk => ("length", [1, 2, 4, 8], new[] { 1, 2, 4, 8 }.Select(times => walk.Run(chains, times, Stream())).ToArray()),
            _ => ("", (float[])[], (Tensor[])[]),
        };
        if (film.Length == 0)
            yield break;
        yield return Core.Arrays.Named("film", ["frame", "chain", "channel", "height", "width"], stack(film));
        yield return new NamedArray("film-axis", [what], [places.Length], places);
    }

    /// <summary>The place of the nearest training row of each row, and the Euclidean distance to it.</summary>
    (Tensor At, Tensor Distance) Nearest(Tensor rows)
    {
        const long atOnce = 4096;
        var flat = rows.to(float32).flatten(1);
        Tensor? at = null,
            distance = null;
        for (long from = 0; from < data.Train.shape[0]; from += atOnce)
        {
            var some = data.Train.narrow(0, from, Math.Min(atOnce, data.Train.shape[0] - from)).flatten(1);
            var (least, place) = cdist(flat, some).min(1);
            (at, distance) =
                at is null || distance is null ? (place, least) : (where(least < distance, place + from, at), minimum(least, distance));
        }
        return (at!, distance!);
    }

    /// <summary>Some levels of a ladder, evenly chosen, from the top to the lowest.</summary>
    static (string, float[], Tensor[]) Frames(IReadOnlyList<Tensor> levels, int most)
    {
        var count = Math.Min(most, levels.Count);
        var places = Enumerable
            .Range(0, count)
            .Select(i => (int)Math.Round((levels.Count - 1) * (1 - i / Math.Max(1.0, count - 1))))
            .ToArray();
        return ("level", [.. places.Select(place => (float)place)], [.. places.Select(place => levels[place])]);
    }
}
