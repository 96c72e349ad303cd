namespace Ebm.Records;

/// <summary>One line of <c>events.jsonl</c>: a value that training recorded at one step. It contains no time, so that the same run writes the same
/// bytes.</summary>
/// <param name="Step">The step of <c>train.steps</c>, from 1.</param>
/// <param name="What"><c>part/name</c>, followed by <c>/i</c> or <c>/i/j</c> for entries of a vector or matrix.</param>
/// <param name="Value">May be NaN or infinite: strings in JSON.</param>
public sealed record Event(long Step, string What, double Value);

/// <summary>One line of <c>measures.jsonl</c>: a metric taken during training.</summary>
public sealed record MeasuredAt(long Step, Measurement Measurement);

/// <summary>One line of <c>trace.jsonl</c>: a hash of bits at one step, so that audits can find where two runs begin to differ.</summary>
/// <param name="Step">The step of <c>train.steps</c>, from 1.</param>
/// <param name="What">What was hashed, such as <c>parameters</c>.</param>
/// <param name="Bits">Hexadecimal digits.</param>
public sealed record Trace(long Step, string What, string Bits);
