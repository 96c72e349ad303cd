namespace Ebm.Records;

/// <summary>Which values of a measurement are better; none of a baseline, or of a value that explains another one.</summary>
public enum Direction
{
    Lower,
    Higher,
    None,
}

/// <summary>How a direction is written, and how it orders values.</summary>
public static class Directions
{
    /// <summary><c>lower</c>, <c>higher</c> or <c>none</c>, as files and command lines have it.</summary>
    public static string Word(this Direction better) => better.ToString().ToLowerInvariant();

    /// <summary>The value, or its negative where higher values are better: the lower cost is the better value.</summary>
    public static double Cost(this Direction better, double value) => better == Direction.Higher ? -value : value;
}
