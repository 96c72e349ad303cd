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
        // Activations of a convolutional net on all rows at once would be the largest memory of a run.
        var atOnce = Math.Min(250, measure.AtOnce);
        if (method is not IDensity density)
            yield break;
        foreach (var (name, rows) in new (string, Rows)[] { ("energy-test", data.TestRows), ("energy-samples", samples) })
        {
            var energies = new List<float>();
            for (long from = 0, count = Math.Min(most, rows.Count); from < count; from += atOnce)
            {
                using var scope = NewDisposeScope();
                energies.AddRange(density.Density.Of(rows.Range(from, Math.Min(atOnce, count - from))).to(float32).cpu().data<float>());
            }
            yield return new NamedArray(name, ["row"], [energies.Count], [.. energies]);
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
        var real = data.TestRows.Range(0, Math.Min(MostPictures, data.TestRows.Count));
        yield return Core.Arrays.Named("real", ["row", "channel", "height", "width"], real);
        var drawn = Math.Min(MostPictures, samples.shape[0]);
        var (at, distance) = Nearest(cat([samples.narrow(0, 0, drawn).to(float32), real.to(float32)], 0));
        yield return Core.Arrays.Named(
            "nearest",
            ["sample", "channel", "height", "width"],
            data.TrainRows.At(at.narrow(0, 0, Math.Min(copies, drawn)))
        );
        yield return Core.Arrays.Named("nearest-distance", ["sample"], distance.narrow(0, 0, drawn));
        yield return Core.Arrays.Named("nearest-distance-test", ["row"], distance.narrow(0, drawn, real.shape[0]));
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

    /// <summary>The place of the nearest training row of each row, and the Euclidean distance to it. Reads all training rows once.</summary>
    (Tensor At, Tensor Distance) Nearest(Tensor rows)
    {
        const long atOnce = 1024;
        var flat = rows.flatten(1);
        Tensor? at = null,
            distance = null;
        long from = 0;
        foreach (var some in data.TrainRows.Chunks(atOnce))
        {
            using var scope = NewDisposeScope();
            using (some)
            {
                var (least, place) = cdist(flat, some.flatten(1)).min(1);
                var (nextAt, nextDistance) =
                    at is null || distance is null ? (place, least) : (where(least < distance, place + from, at), minimum(least, distance));
                (at, distance) = (nextAt.MoveToOuterDisposeScope(), nextDistance.MoveToOuterDisposeScope());
            }
            from += atOnce;
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
