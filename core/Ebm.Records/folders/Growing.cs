using System.Text.Json;

namespace Ebm.Records;

/// <summary>
/// The files of a run that grow line by line during training: <c>events.jsonl</c>, <c>measures.jsonl</c>, <c>trace.jsonl</c>.
/// </summary>
public sealed partial class RunFolder
{
    /// <summary>The recorded events, in order, without a torn last line.</summary>
    /// <exception cref="InvalidDataException">Another line is not a valid event.</exception>
    public IEnumerable<Event> Events() => JsonLines.Read<Event>(In("events.jsonl"));

    /// <summary>The events whose name contains one of these texts, such as <c>/gap</c>. Other lines are not parsed, which is quicker.</summary>
    /// <exception cref="InvalidDataException">One of these lines is not a valid event.</exception>
    public IEnumerable<Event> EventsWith(params string[] texts) =>
        JsonLines.Read<Event>(In("events.jsonl"), line => texts.Any(text => line.Contains(text, StringComparison.Ordinal)));

    /// <summary>The metrics taken during training, in order, without arrays.</summary>
    public IEnumerable<MeasuredAt> Measures() =>
        JsonLines
            .Read<MeasureLine>(In("measures.jsonl"))
            .Select(m => new MeasuredAt(m.Step, new(m.Name, m.Value, m.Unit, m.Better, m.Scale, m.Se, m.N, m.Protocol)));

    /// <summary>The hashes recorded during training, in order.</summary>
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

    /// <summary>The step, the name and the value of a line of <c>measures.jsonl</c>.</summary>
    internal static Event MeasuredLine(string line) =>
        JsonText.ReadLine<MeasureLine>(line) is { } m ? new(m.Step, m.Name, m.Value) : throw new JsonException("the value is null");

    // One flat object per line.
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

    /// <summary>Syncs all lines to disk, so that they survive a power failure.</summary>
    public void Flush()
    {
        foreach (var name in (string[])["events.jsonl", "measures.jsonl", "trace.jsonl"])
            if (Disk.HasFile(In(name)))
                Disk.SyncFile(In(name));
    }

    /// <summary>Removes records later than a step, and torn last lines, so that a resumed run continues as if it had not stopped.</summary>
    /// <param name="afterStep">The last step before training resumes.</param>
    /// <param name="afterMeasured">The last step whose measurement is kept; it may be before the other.</param>
    /// <exception cref="InvalidDataException">A line has no step.</exception>
    public void Truncate(long afterStep, long afterMeasured) =>
        Publish(() =>
        {
            JsonLines.Truncate(In("events.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("trace.jsonl"), afterStep, staging);
            JsonLines.Truncate(In("measures.jsonl"), afterMeasured, staging);
        });
}
