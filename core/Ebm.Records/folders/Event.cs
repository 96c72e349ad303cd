namespace Ebm.Records;

/// <summary>One line of <c>events.jsonl</c>: what training watched at one step. There is no clock in it: the same run writes the same bytes.</summary>
/// <param name="Step">The step of <c>train.steps</c>, from 1.</param>
/// <param name="What"><c>part/name</c>, with <c>/i</c> or <c>/i/j</c> behind it for a vector's or matrix's entries.</param>
/// <param name="Value">May be NaN or infinite: strings in JSON.</param>
public sealed record Event(long Step, string What, double Value);

/// <summary>One line of <c>measures.jsonl</c>: a metric taken during training.</summary>
public sealed record MeasuredAt(long Step, Measurement Measurement);

/// <summary>One line of <c>trace.jsonl</c>: the hash of something's bits at one step, so that an audit can say where two runs part.</summary>
/// <param name="Step">The step of <c>train.steps</c>, from 1.</param>
/// <param name="What">What was hashed, such as <c>parameters</c>.</param>
/// <param name="Bits">Hexadecimal digits.</param>
public sealed record Trace(long Step, string What, string Bits);
