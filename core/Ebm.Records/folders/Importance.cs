namespace Ebm.Records;

/// <summary>
/// The role of a measurement, in the column order of tables: quality of the model; comparison values or another view of the quality; reliability of
/// the other values.
/// </summary>
public enum Importance
{
    Primary,
    Secondary,
    Diagnostic,
}
