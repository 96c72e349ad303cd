/// What a handful of seeds can say: mean, spread, and an interval for the mean that covers what it claims.
///
/// At three to five seeds percentile bootstraps that claim 95 % cover 75–84 %; Student's t covers 95 % of normal data. So a
/// mean gets Student's interval from three values on, on the logarithm where the metric says that its scale is one, and none below.
module Ebm.Analysis.Statistics

open System
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics

type Interval =
    /// Too few values: a mean of one or two has no honest interval.
    | TooFew
    /// 95 %, for the mean.
    | StudentT of low: float * high: float
    /// 95 %, for the geometric mean.
    | StudentTOfLog of low: float * high: float

type Summary = { N: int; Mean: float; Sd: float; Median: float; Interval: Interval }

/// Half the width of the 95 % interval of a mean; needs two values at least.
let halfWidth (values: float list) =
    let n = values.Length
    let t = StudentT.InvCDF(0.0, 1.0, float (n - 1), 0.975)
    t * Statistics.StandardDeviation values / sqrt (float n)

/// The mean, sd (n − 1), median and interval of some values, one a seed. `log`: the metric's own scale is logarithmic.
let summarise (log: bool) (values: float list) =
    let finite = values |> List.forall Double.IsFinite

    let interval =
        if values.Length < 3 || not finite then
            TooFew
        elif log && values |> List.forall (fun value -> value > 0.0) then
            let logs = values |> List.map Math.Log
            let centre, half = Statistics.Mean logs, halfWidth logs
            StudentTOfLog(exp (centre - half), exp (centre + half))
        else
            let centre, half = Statistics.Mean values, halfWidth values
            StudentT(centre - half, centre + half)

    {
        N = values.Length
        Mean = (if values.IsEmpty then nan else Statistics.Mean values)
        Sd = (if values.Length < 2 then nan else Statistics.StandardDeviation values)
        Median = (if values.IsEmpty then nan else Statistics.Median values)
        Interval = interval
    }

/// Decimals that show two digits of the uncertainty: 0.01234 ± 0.00056 needs five.
let decimals (uncertainty: float) =
    if Double.IsFinite uncertainty && uncertainty > 0.0 then Math.Clamp(1 - int (floor (log10 uncertainty)), 0, 12) else 4
