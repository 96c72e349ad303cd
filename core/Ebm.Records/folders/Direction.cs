namespace Ebm.Records;

/// <summary>Which values of a measurement are better; none for a baseline or an explanatory value.</summary>
public enum Direction
{
    Lower,
    Higher,
    None,
}

/// <summary>The word for a direction, and the order of values that it implies.</summary>
public static class Directions
{
    /// <summary><c>lower</c>, <c>higher</c> or <c>none</c>, as in files and command lines.</summary>
    public static string Word(this Direction better) => better.ToString().ToLowerInvariant();

    /// <summary>The value, negated if higher values are better: a lower cost is always better.</summary>
    public static double Cost(this Direction better, double value) => better == Direction.Higher ? -value : value;
}
