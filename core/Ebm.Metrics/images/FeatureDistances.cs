using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ebm.Metrics;

/// <summary>
/// Distances of samples from real images by the features of a network: Fréchet, kernel, precision and recall. The test rows are split in disjoint
/// halves, one for the reference and one for the floor, and the trivial generators stand beside (<see cref="TrivialGenerators"/>). The split and the generators'
/// rows are the same for all runs and steps of training; their features are computed once for a data set in a process, because a network takes
/// much longer for them than for the samples of one measurement.
/// </summary>
/// <param name="Frechet">The quantities of the Fréchet distance: of samples, of the three generators, the floor.</param>
/// <param name="Kernel">The same of the unbiased squared discrepancy with the kernel (φ(x)·φ(y)/d + 1)³.</param>
/// <param name="Precision">Of samples, and the floor.</param>
/// <param name="Recall">Of samples, and the floor.</param>
public sealed record FeatureDistances(Quantity[] Frechet, Quantity[] Kernel, Quantity[] Precision, Quantity[] Recall)
{
    const int Neighbours = 3;
    const ulong Seed = 2018;

    static readonly ConditionalWeakTable<IDataset, Dictionary<string, Compared>> Known = [];

    /// <param name="features">(B, …Shape) → (B, d), the network's.</param>
    /// <param name="samples">At most this many of the run's samples, the first ones.</param>
    /// <param name="reference">At most this many test rows, and at most half of them.</param>
    /// <param name="facts">What the features depend on: the weights' hash.</param>
    public IReadOnlyList<Measurement> Measure(
        Subject subject,
        Func<Tensor, Tensor> features,
        long samples,
        long reference,
        params object[] facts
    )
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var count = Math.Min(samples, subject.Samples.shape[0]);
        Compared compared;
        lock (Known)
        {
            var ofData = Known.GetValue(subject.Data, _ => []);
            var key = string.Join(' ', [samples, reference, .. facts.Select(fact => Convert.ToString(fact, CultureInfo.InvariantCulture))]);
            compared = ofData.TryGetValue(key, out var known)
                ? known
                : ofData[key] = Compared.With(subject.Data, features, samples, reference);
        }
        var real = compared.Real.Tensor();
        var discrepancy = new Discrepancy(Kid.Cubic, real);
        Tensor[] found =
        [
            Chunked.Map(features, subject.Samples.narrow(0, 0, count)),
            .. compared.Beside.Select(rows => rows.Tensor()).Select(rows => rows.narrow(0, 0, Math.Min(count, rows.shape[0]))),
        ];
        Measurement Found(Quantity what, (double Value, double Se) value, Tensor of) =>
            what.Found(value.Value, value.Se, of.shape[0], [.. facts, of.shape[0], real.shape[0]]);
        return
        [
            .. found.Zip(Frechet, (of, what) => Found(what, FrechetDistance.Between(of, real), of)),
            .. found.Zip(Kernel, (of, what) => Found(what, discrepancy.From(of), of)),
            .. new[] { found[0], found[^1] }.Zip(Precision, (of, what) => Found(what, Coverage.Of(of, real, Neighbours), of)),
            .. new[] { found[0], found[^1] }.Zip(Recall, (of, what) => Found(what, Coverage.Of(real, of, Neighbours), of)),
        ];
    }

    /// <summary>Features of the rows that samples are compared with.</summary>
    /// <param name="Beside">Of the three generators and of the rows for the floor.</param>
    sealed record Compared(Kept Real, Kept[] Beside)
    {
        public static Compared With(IDataset data, Func<Tensor, Tensor> features, long samples, long reference)
        {
            var rng = new Rng(Seed);
            Kept Of(Tensor rows) => new(Chunked.Map(features, rows));
            var (seen, other) = RealRows.Halves(data, reference, samples, rng.Stream("halves"));
            return new(Of(seen), [.. TrivialGenerators.Draw(data, samples, rng).Append(other).Select(Of)]);
        }
    }

    /// <summary>A tensor (n, d) outside of all scopes.</summary>
    sealed class Kept(Tensor rows)
    {
        readonly long[] shape = rows.shape;
        readonly double[] values = rows.cpu().data<double>().ToArray();
        readonly Device device = rows.device;

        public Tensor Tensor() => tensor(values, device: device).reshape(shape);
    }
}
