namespace Ebm.Metrics;

/// <summary>
/// The area under the receiver operating characteristic of scores,
/// <code>P(s(y) &gt; s(x)) + ½ P(s(y) = s(x)),   x a row of ours, y another</code>
/// with DeLong's standard error (1988): for each row the share of the other side's rows that it is ordered correctly with, its placement, whose
/// variance over rows is estimated on either side. Placements of two scores of the same rows are paired, so the error of a difference is smaller than
/// that of independent areas.
/// </summary>
public static class RocArea
{
    /// <summary>The area, with its standard error; NaN if a score is NaN.</summary>
    /// <param name="own">Scores of our rows, at least two.</param>
    /// <param name="others">Scores of other rows, at least two.</param>
    public static (double Area, double Se) Of(double[] own, double[] others)
    {
        if (own.Concat(others).Any(double.IsNaN))
            return (double.NaN, double.NaN);
        var (ofOwn, ofOthers) = (Placements(own, others), Placements(others, own));
        return (ofOthers.Average(), Error(ofOwn, ofOthers));
    }

    /// <summary>The area of one score minus that of another on the same rows, with its standard error; NaN if a score is NaN.</summary>
    /// <param name="one">One score of our rows and of the other rows.</param>
    /// <param name="another">The other score of the same rows, in the same order.</param>
    public static (double Difference, double Se) Between((double[] Own, double[] Others) one, (double[] Own, double[] Others) another)
    {
        if (new[] { one.Own, one.Others, another.Own, another.Others }.Any(scores => scores.Any(double.IsNaN)))
            return (double.NaN, double.NaN);
        static double[] Minus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];
        var ofOwn = Minus(Placements(one.Own, one.Others), Placements(another.Own, another.Others));
        var ofOthers = Minus(Placements(one.Others, one.Own), Placements(another.Others, another.Own));
        return (ofOthers.Average(), Error(ofOwn, ofOthers));
    }

    static double Error(double[] ofOwn, double[] ofOthers) =>
        Math.Sqrt(Variance(ofOwn) / ofOwn.Length + Variance(ofOthers) / ofOthers.Length);

    /// <summary>For each row, the share of the other values below it, ties counted half.</summary>
    static double[] Placements(double[] rows, double[] among)
    {
        var sorted = among.Order().ToArray();
        return [.. rows.Select(row => (Below(sorted, row, orEqual: false) + Below(sorted, row, orEqual: true)) / 2.0 / sorted.Length)];
    }

    /// <summary>The number of sorted values less than a value, or at most equal to it.</summary>
    static int Below(double[] sorted, double value, bool orEqual)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] < value || (orEqual && sorted[middle] == value))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    static double Variance(double[] values)
    {
        var mean = values.Average();
        return values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1);
    }
}
