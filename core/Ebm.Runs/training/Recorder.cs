using System.Globalization;
using System.Security.Cryptography;
using Ebm.Core;
using Ebm.Records;

namespace Ebm.Runs;

/// <summary>
/// Writes the records of training to events.jsonl and trace.jsonl. Names consist of part and value, such as energy/gap; entries of a vector are
/// name/i, of a matrix name/i/j; NaN entries, such as levels without rows, are omitted. Each record is checked for divergence, by every
/// rank; rank 0 writes it.
/// </summary>
public sealed class Recorder(RunFolder folder, Optimizers optimizers, Health health)
{
    /// <summary>Records a step.</summary>
    /// <param name="step">Its number.</param>
    /// <param name="units">Units of cost spent so far.</param>
    /// <param name="applied">Its updates; of several updates of one part, only the last is recorded.</param>
    public void Record(long step, long units, IReadOnlyList<Applied> applied)
    {
        using var scope = NewDisposeScope();
        using var free = no_grad();
        var (events, traces, diverged) = (new List<Event>(), new List<Trace>(), (string?)null);
        foreach (var update in applied.GroupBy(a => a.Part).Select(updates => updates.Last()))
        {
            var part = optimizers[update.Part];
            events.Add(new Event(step, $"{part.Name}/loss", update.Loss));
            events.Add(new Event(step, $"{part.Name}/gradient", update.Gradient));
            foreach (var (name, shape, values) in update.Watched)
                events.AddRange(Entries(step, $"{part.Name}/{name}", shape, values));

            traces.Add(new Trace(step, $"{part.Name}/loss", Bits(update.Loss)));
            traces.Add(new Trace(step, $"{part.Name}/gradient", Bits(update.Gradient)));
            traces.Add(new Trace(step, $"{part.Name}/parameters", Bits(part)));

            var size = Norm.Of([.. part.Parameters.Select(p => p.parameter)]);
            traces.Add(new Trace(step, $"{part.Name}/norm", Bits(size)));
            if (update.ChainEnergy is { } energy)
                traces.Add(new Trace(step, $"{part.Name}/chain-energy", Bits(energy)));
            // All values that the method records.
            foreach (var (name, _, values) in update.Watched)
                traces.Add(new Trace(step, $"{part.Name}/{name}", values.Length == 1 ? Bits(values[0]) : Bits(values)));
            // After the first diverged part, the others are not checked.
            diverged ??= health.Of(part.Name, size, update.Watched.Select(w => (w.Name, w.Values)));
        }
        events.Add(new Event(step, "units", units));
        if (!Ranks.Here.Leads)
            return;
        folder.Append(events);
        folder.Append(traces);
    }

    static IEnumerable<Event> Entries(long step, string name, long[] shape, double[] values) =>
        shape switch
        {
            [] => [new Event(step, name, values[0])],
            [_] => Visited(values, i => new Event(step, $"{name}/{Number(i)}", values[i])),
            [_, var columns] => Visited(values, i => new Event(step, $"{name}/{Number(i / columns)}/{Number(i % columns)}", values[i])),
            _ => throw new InvalidOperationException(
                $"{name} has shape ({string.Join(", ", shape)}): only scalars, vectors and matrices can be recorded"
            ),
        };

    static IEnumerable<Event> Visited(double[] values, Func<int, Event> entry) =>
        Enumerable.Range(0, values.Length).Where(i => !double.IsNaN(values[i])).Select(entry);

    static string Number(long i) => i.ToString(CultureInfo.InvariantCulture);

    static string Bits(double value) => BitConverter.DoubleToUInt64Bits(value).ToString("x16", CultureInfo.InvariantCulture);

    // For a vector, the first 64 bits of its hash.
    static string Bits(double[] values) => Canonical.Sha256(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()))[..16];

    // The first 64 bits of a hash of all weights: two runs differ from the first record on where these differ.
    static string Bits(Part part)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (_, parameter) in part.Parameters)
            hash.AppendData(Stored.Bytes(parameter));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
