using System.Globalization;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// The evaluation of a run: rows drawn from the method, and metrics of them. Every draw and every metric has its own stream, so adding one, or
/// measuring more often, changes neither training nor other values. Ranks draw the chunks of rows in turn, so their number does not change them.
/// </summary>
/// <param name="config">The resolved config.</param>
/// <param name="settings">The settings of the data that are part of the run's identity.</param>
public sealed class Evaluation(Method method, IDataset data, MeasureSpec measure, Document config, Document settings)
{
    readonly Ranks ranks = Ranks.Here;

    /// <summary>Rows from the method: (count, …Shape).</summary>
    /// <param name="drawn">Called with the rows drawn so far.</param>
    public Tensor Draw(long count, Rng rng, Action<long> drawn)
    {
        using var free = no_grad();
        using var scope = NewDisposeScope();
        foreach (var chains in method.modules().OfType<Memory>())
            chains.Collect();
        var (rows, chunks) = (new List<Tensor>(), (count + measure.AtOnce - 1) / measure.AtOnce);
        for (long chunk = ranks.Rank; chunk < chunks; chunk += ranks.Count)
        {
            var at = chunk * measure.AtOnce;
            drawn(at);
            using var stream = rng.Stream(chunk);
            // What a method computes besides the rows would otherwise stay until the last call.
            using (NewDisposeScope())
                rows.Add(
                    NumericalException
                        .In("drawing rows", () => method.Sample(Math.Min(measure.AtOnce, count - at), stream))
                        .MoveToOuterDisposeScope()
                );
            FreedMemory.Return();
        }
        drawn(count);
        return Together(rows, count).MoveToOuterDisposeScope();
    }

    /// <summary>The chunks of all ranks in their order: (count, …Shape).</summary>
    Tensor Together(List<Tensor> rows, long count)
    {
        if (ranks.Count == 1)
            return cat(rows.ToArray());
        // Every rank gives as many rows; those that fill up the last chunks are cut off.
        var chunks = (count + measure.AtOnce - 1) / measure.AtOnce;
        var most = (chunks + ranks.Count - 1) / ranks.Count;
        var like = method.parameters().First();
        var share = zeros([most * measure.AtOnce, .. data.Shape], dtype: rows.FirstOrDefault()?.dtype ?? float32, device: like.device);
        if (rows.Count > 0)
            share.narrow(0, 0, rows.Sum(chunk => chunk.shape[0])).copy_(cat(rows.ToArray()));
        var chunked = ranks.Rows(share).view([ranks.Count, most, measure.AtOnce, .. data.Shape]);
        return chunked.transpose(0, 1).reshape([-1, .. data.Shape]).narrow(0, 0, count).contiguous();
    }

    /// <summary>Every metric that applies.</summary>
    /// <param name="samples">(count, …Shape).</param>
    /// <param name="site">Its stream gives each metric a stream of its own.</param>
    /// <param name="begun">Called with the metrics done so far.</param>
    /// <param name="only">The metrics to compute; null for all.</param>
    /// <exception cref="InvalidOperationException">A metric returns a quantity that its record does not declare.</exception>
    public IReadOnlyList<Measurement> Measure(Tensor samples, Site site, Action<int> begun, string[]? only = null)
    {
        using var free = no_grad();
        var found = new List<Measurement>();
        foreach (
            var (done, (name, spec)) in measure
                .Metrics.Where(m => only?.Contains(m.Key) ?? true)
                .OrderBy(m => m.Key, StringComparer.Ordinal)
                .Index()
        )
        {
            begun(done);
            using var scope = NewDisposeScope();
            using var stream = site.Rng.Stream(name);
            var metric = spec.Build(site with { Shape = data.Shape, Rng = stream.Stream("build") });
            var values = NumericalException.In(
                $"measuring {name}",
                () => metric.Measure(new Subject(method, data, samples, stream)).ToList()
            );
            if (values.FirstOrDefault(m => spec.Quantities.All(one => one.Name != m.Name)) is { } undeclared)
                throw new InvalidOperationException($"the metric {name} returns {undeclared.Name}, which its record does not declare");
            found.AddRange(values.Select(m => m with { Protocol = Protocol(name, samples.shape[0], m.Protocol) }));
            FreedMemory.Return();
        }
        return found;
    }

    /// <summary>Values with equal protocols are comparable. It includes the metric's settings and version, the data's settings, and the number of
    /// rows.</summary>
    string Protocol(string name, long rows, string? own) =>
        Identity.Protocol(
            Document.OfMap([
                KeyValuePair.Create("metric", config.Get($"measure.metrics.{name}")),
                KeyValuePair.Create("data", settings),
                KeyValuePair.Create("samples", Document.Of(rows)),
                KeyValuePair.Create("own", Document.From(own)),
                // Omitted for the last weights, so that the protocol equals that of values from before there was a choice.
                .. measure.Weights == Keep.Last ? [] : new[] { KeyValuePair.Create("weights", config.Get("measure.weights")) },
            ])
        );
}
