using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ebm.Metrics;

/// <summary>
/// What a network makes of samples and of the rows beside them. The test rows are split in disjoint halves, one for the reference and one for the floor, and the
/// trivial generators stand beside (<see cref="TrivialGenerators"/>). The split and the generators' rows are the same for all runs and steps of training; what
/// the network makes of them is computed once for a data set in a process, because it takes much longer than the samples of one measurement.
/// </summary>
/// <param name="Real">(m, d), of the reference.</param>
/// <param name="Samples">(n, d).</param>
/// <param name="Generators">(n, d) each, of the three generators.</param>
/// <param name="Floor">(n, d), of test rows in place of samples; fewer, if there are fewer.</param>
sealed record ComparedRows(Tensor Real, Tensor Samples, Tensor[] Generators, Tensor Floor)
{
    const ulong Seed = 2018;

    static readonly ConditionalWeakTable<IDataset, Dictionary<string, Kept[]>> Known = [];

    /// <param name="network">(B, …Shape) → (B, d).</param>
    /// <param name="samples">At most this many of the run's samples, the first ones.</param>
    /// <param name="reference">At most this many test rows, and at most half of them.</param>
    /// <param name="facts">What the network depends on: its weights' hash.</param>
    public static ComparedRows Through(Func<Tensor, Tensor> network, Subject subject, long samples, long reference, object[] facts)
    {
        Kept[] beside;
        lock (Known)
        {
            var ofData = Known.GetValue(subject.Data, _ => []);
            var key = string.Join(' ', [samples, reference, .. facts.Select(fact => Convert.ToString(fact, CultureInfo.InvariantCulture))]);
            if (!ofData.TryGetValue(key, out beside!))
                beside = ofData[key] = Beside(network, subject.Data, samples, reference);
        }
        var count = Math.Min(samples, subject.Samples.shape[0]);
        Tensor[] found = [.. beside.Select(rows => rows.Tensor())];
        Tensor First(Tensor rows) => rows.narrow(0, 0, Math.Min(count, rows.shape[0]));
        return new(found[0], Chunked.Map(network, subject.Samples.narrow(0, 0, count)), [.. found[2..].Select(First)], First(found[1]));
    }

    /// <summary>The reference, the rows for the floor, and those of the generators.</summary>
    static Kept[] Beside(Func<Tensor, Tensor> network, IDataset data, long samples, long reference)
    {
        using var scope = NewDisposeScope();
        var rng = new Rng(Seed);
        var (seen, other) = RealRows.Halves(data, reference, samples, rng.Stream("halves"));
        return
        [
            .. new[] { seen, other }
                .Concat(TrivialGenerators.Draw(data, samples, rng))
                .Select(rows => new Kept(Chunked.Map(network, rows))),
        ];
    }

    /// <summary>Some of the columns of all.</summary>
    public ComparedRows Columns(long from, long count)
    {
        Tensor Of(Tensor rows) => rows.narrow(1, from, count);
        return new(Of(Real), Of(Samples), [.. Generators.Select(Of)], Of(Floor));
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
