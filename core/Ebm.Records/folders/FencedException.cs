namespace Ebm.Records;

/// <summary>Another process has taken a run over: this one publishes nothing into it any more.</summary>
public sealed class FencedException(string says) : Exception(says);
