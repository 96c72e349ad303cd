namespace Ebm.Records;

/// <summary>
/// What a measurement says, in the order in which tables have their columns: how good the model is; what that is compared with, or another
/// view of it; whether the others can be trusted.
/// </summary>
public enum Importance
{
    Primary,
    Secondary,
    Diagnostic,
}
