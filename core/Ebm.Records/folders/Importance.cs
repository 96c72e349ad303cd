namespace Ebm.Records;

/// <summary>How much a measurement says about a model: the order in which tables have their columns. Files write it in lower case.</summary>
public enum Importance
{
    /// <summary>How good the model is.</summary>
    Primary,

    /// <summary>What a primary value is compared with, or another view of the same.</summary>
    Secondary,

    /// <summary>Whether the other values of the metric can be trusted.</summary>
    Diagnostic,
}
