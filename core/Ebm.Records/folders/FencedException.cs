namespace Ebm.Records;

/// <summary>Another process has taken over the run; this process must not write to it any more.</summary>
public sealed class FencedException(string says) : Exception(says);
