namespace Ebm.Records;

/// <summary>
/// The files of a run that grow a line at a time while it trains: <c>events.jsonl</c>, <c>measures.jsonl</c>, <c>trace.jsonl</c>.
/// </summary>
public sealed partial class RunFolder
{
    /// <summary>What training recorded, in order; a torn last line is left out.</summary>
    /// <exception cref="InvalidDataException">Another line is not an event.</exception>
    public IEnumerable<Event> Events() => JsonLines.Read<Event>(In("events.jsonl"));

    /// <summary>The metrics taken during training, in order, without arrays.</summary>
    public IEnumerable<MeasuredAt> Measures() =>
        JsonLines
            .Read<MeasureLine>(In("measures.jsonl"))
            .Select(m => new MeasuredAt(m.Step, new(m.Name, m.Value, m.Unit, m.Better, m.Scale, m.Se, m.N, m.Protocol)));

    /// <summary>The hashes along training, in order.</summary>
    public IEnumerable<Trace> Traces() => JsonLines.Read<Trace>(In("trace.jsonl"));

    /// <summary>Appends lines to <c>events.jsonl</c> in one write.</summary>
    public void Append(IEnumerable<Event> events) => Publish(() => JsonLines.Append(In("events.jsonl"), events, Fence));

    /// <summary>Appends lines to <c>measures.jsonl</c> in one write; arrays are left out.</summary>
    public void Append(IEnumerable<MeasuredAt> measures) =>
        Publish(() =>
            JsonLines.Append(
                In("measures.jsonl"),
                measures
                    .Select(m => (m.Step, Of: m.Measurement))
                    .Select(m => new MeasureLine(
                        m.Step,
                        m.Of.Name,
                        m.Of.Value,
                        m.Of.Unit,
                        m.Of.Better,
                        m.Of.Scale,
                        m.Of.Se,
                        m.Of.N,
                        m.Of.Protocol
                    )),
                Fence
            )
        );

    // One flat object a line.
    sealed record MeasureLine(
        long Step,
        string Name,
        double Value,
        string Unit,
        Direction Better,
        string Scale = "linear",
        double? Se = null,
        long? N = null,
        string? Protocol = null
    );

    /// <summary>Appends lines to <c>trace.jsonl</c> in one write.</summary>
    public void Append(IEnumerable<Trace> traces) => Publish(() => JsonLines.Append(In("trace.jsonl"), traces, Fence));

    /// <summary>Brings all lines to the disk: they outlast a power cut.</summary>
    public void Flush()
    {
        foreach (var name in (string[])["events.jsonl", "measures.jsonl", "trace.jsonl"])
            if (File.Exists(In(name)))
                using (var lines = new FileStream(In(name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                    lines.Flush(flushToDisk: true);
    }

    /// <summary>Cuts what was recorded later than a step, torn last lines included, so that a resumed run writes on as if it had never stopped.</summary>
    /// <param name="afterStep">The last step that training goes on from.</param>
    /// <param name="afterMeasured">The last step whose measurement counts; it may lie before the other.</param>
    /// <exception cref="InvalidDataException">A line has no step.</exception>
    public void Truncate(long afterStep, long afterMeasured) =>
        Publish(() =>
        {
            JsonLines.Truncate(In("events.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("trace.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("measures.jsonl"), afterMeasured, staging);
        });
}
