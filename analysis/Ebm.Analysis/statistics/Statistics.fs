/// Statistics of a few seeds: mean, spread, and an interval for the mean with the stated coverage.
///
/// At three to five seeds, percentile bootstraps with nominal 95 % cover 75–84 %; Student's t covers 95 % for normal data. So a mean of
/// three or more values gets Student's interval, on the logarithm if the metric declares a logarithmic scale, and a mean of fewer gets
/// none. From twenty values on it gets the bootstrap-t, which follows skewed data better (Efron and Tibshirani, "An Introduction to the
/// Bootstrap", 1993, chapter 12).
module Ebm.Analysis.Statistics

open System
open System.Collections.Concurrent
open MathNet.Numerics.Distributions
open MathNet.Numerics.Statistics

type Interval =
    /// No interval: fewer than three values, or values that are not all finite.
    | TooFew
    /// 95 %, for the mean.
    | StudentT of low: float * high: float
    /// 95 %, for the geometric mean.
    | StudentTOfLog of low: float * high: float
    /// 95 %, for the mean, by resampling the studentized mean.
    | BootstrapT of low: float * high: float
    /// 95 %, for the geometric mean, by resampling the studentized mean of the logarithms.
    | BootstrapTOfLog of low: float * high: float

type Summary = {
    N: int
    Mean: float
    /// The centre of the interval: the mean, or the geometric mean if the interval is of the logarithm.
    Centre: float
    Sd: float
    Median: float
    Interval: Interval
}

/// From this number of values on, the interval is the bootstrap-t.
let manyValues = 20

/// Resamples of a bootstrap: with 1999, the quantiles .025 and .975 are the 50th and the 1950th.
let resamples = 1999

let private quantiles = ConcurrentDictionary<int, float>()

/// The .975 quantile of Student's t.
let private student freedom = quantiles.GetOrAdd(freedom, fun freedom -> StudentT.InvCDF(0.0, 1.0, float freedom, 0.975))

/// The power of two by which values are divided so that neither their squares nor their sum leave the range of numbers, above or below;
/// 0 for ordinary values, between 1e-135 and 1e135. Values that are not finite are ignored.
let exponent (values: float[]) =
    let largest = (0.0, values) ||> Array.fold (fun largest value -> if Double.IsFinite value then max largest (abs value) else largest)
    let power = if largest = 0.0 then 0 else Math.ILogB largest
    if abs power < 450 then 0 else power

/// Values divided by two to this power.
let scaledBy power (values: float[]) = if power = 0 then values else values |> Array.map (fun value -> Math.ScaleB(value, -power))

let mean (values: float[]) =
    let power = exponent values
    Math.ScaleB(Array.sum (scaledBy power values) / float values.Length, power)

/// The standard deviation with n − 1; needs at least two values.
let private sd (values: float[]) (centre: float) =
    let mutable sum = 0.0

    for value in values do
        sum <- sum + (value - centre) * (value - centre)

    sqrt (sum / float (values.Length - 1))

/// Student's 95 % interval for the mean of three values or more.
let studentT (values: float[]) =
    let centre = mean values
    let half = student (values.Length - 1) * sd values centre / sqrt (float values.Length)
    centre - half, centre + half

/// The 95 % bootstrap-t interval for the mean: quantiles of (mean* − mean)/se* over resamples, scaled by the standard error of the values.
/// None if a quantile is infinite, as for values that are nearly all equal.
let bootstrapT (generator: Generator) (values: float[]) =
    let n = values.Length
    let centre = mean values
    let se = sd values centre / sqrt (float n)
    let centred = values |> Array.map (fun value -> value - centre)

    let studentized =
        Array.init resamples (fun _ ->
            let mutable sum, squares = 0.0, 0.0

            for _ in 1..n do
                let value = centred[generator.Below n]
                sum <- sum + value
                squares <- squares + value * value

            // For equal values, the remainder is rounding and not spread.
            let about = squares - sum * sum / float n
            let error = if about <= 1e-12 * squares then 0.0 else sqrt (about / float (n - 1) / float n)
            if sum = 0.0 then 0.0 else sum / float n / error)

    Array.sortInPlace studentized
    let low, high = centre - se * studentized[resamples - 50], centre - se * studentized[49]
    if Double.IsFinite low && Double.IsFinite high then Some(low, high) else None

/// The 95 % interval for this number of values: none, Student's, or bootstrap-t.
let private interval generator (values: float[]) =
    if values.Length < manyValues then
        false, studentT values
    else
        match bootstrapT generator values with
        | Some bounds -> true, bounds
        | None -> false, studentT values

let private summariseInRange (generator: Generator) (log: bool) (values: float[]) =
    let average = if values.Length = 0 then nan else mean values
    let ofLog = log && values |> Array.forall (fun value -> value > 0.0)

    let centre, interval =
        if values.Length < 3 || values |> Array.exists (Double.IsFinite >> not) then
            (if ofLog && values.Length > 0 then values |> Array.map Math.Log |> mean |> exp else average), TooFew
        elif ofLog then
            let logs = values |> Array.map Math.Log
            let bootstrap, (low, high) = interval generator logs
            exp (mean logs), (if bootstrap then BootstrapTOfLog else StudentTOfLog) (exp low, exp high)
        else
            let bootstrap, bounds = interval generator values
            average, (if bootstrap then BootstrapT else StudentT) bounds

    {
        N = values.Length
        Mean = average
        Centre = centre
        Sd = (if values.Length < 2 then nan else sd values average)
        Median = (if values.Length = 0 then nan else Statistics.Median values)
        Interval = interval
    }

/// The mean, sd (n − 1), median and interval of some values, one per seed. `log`: the metric's scale is logarithmic. A result beyond the
/// range of numbers is infinite.
let summarise (generator: Generator) (log: bool) (values: float list) =
    let values = Array.ofList values
    let power = exponent values
    let summary = summariseInRange generator log (scaledBy power values)
    let back value = Math.ScaleB(value, power)

    if power = 0 then
        summary
    else
        {
            summary with
                Mean = back summary.Mean
                Centre = back summary.Centre
                Sd = back summary.Sd
                Median = back summary.Median
                Interval =
                    match summary.Interval with
                    | TooFew -> TooFew
                    | StudentT(low, high) -> StudentT(back low, back high)
                    | StudentTOfLog(low, high) -> StudentTOfLog(back low, back high)
                    | BootstrapT(low, high) -> BootstrapT(back low, back high)
                    | BootstrapTOfLog(low, high) -> BootstrapTOfLog(back low, back high)
        }

/// The bounds of a mean's interval, NaN without one, and the name of its method.
let bounds (summary: Summary) =
    match summary.Interval with
    | TooFew -> nan, nan, "none"
    | StudentT(low, high) -> low, high, "student-t"
    | StudentTOfLog(low, high) -> low, high, "student-t-of-log"
    | BootstrapT(low, high) -> low, high, "bootstrap-t"
    | BootstrapTOfLog(low, high) -> low, high, "bootstrap-t-of-log"

/// Wilson's 95 % interval for a rate, `hits` of `n` (Wilson 1927). The whole of [0, 1] where n is 0.
let wilson (hits: int) (n: int) =
    if n = 0 then
        0.0, 1.0
    else
        let z = Normal.InvCDF(0.0, 1.0, 0.975)
        let n, p = float n, float hits / float n
        let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n)
        let half = z / (1.0 + z * z / n) * sqrt (p * (1.0 - p) / n + z * z / (4.0 * n * n))
        (if hits = 0 then 0.0 else centre - half), (if hits = int n then 1.0 else centre + half)

/// The interquartile mean: the mean without the lowest and the highest quarter, each rounded down to whole values (Agarwal et al., "Deep
/// reinforcement learning at the edge of the statistical precipice", 2021). NaN for no values.
let interquartileMean (values: float[]) =
    let cut = values.Length / 4
    let sorted = Array.sort values
    if values.Length = 0 then nan else mean sorted[cut .. values.Length - 1 - cut]

/// The 95 % percentile interval of a statistic of scores in strata (tasks). Each stratum is resampled separately, so that every task keeps
/// its weight.
let stratifiedBootstrap (generator: Generator) (statistic: float[][] -> float) (strata: float[][]) =
    let found =
        Array.init resamples (fun _ ->
            strata |> Array.map (fun values -> Array.init values.Length (fun _ -> values[generator.Below values.Length])) |> statistic)

    Array.sortInPlace found
    found[49], found[resamples - 50]

/// The number of decimals that shows two digits of the uncertainty: 0.01234 ± 0.00056 needs five.
let decimals (uncertainty: float) =
    if Double.IsFinite uncertainty && uncertainty > 0.0 then
        let places = 1 - int (floor (log10 uncertainty))
        // 0.0996 rounds to 0.10, which needs a digit fewer.
        let rounded = if places >= 0 && places <= 15 then Math.Round(uncertainty, places) else uncertainty
        Math.Clamp((if rounded > 0.0 then 1 - int (floor (log10 rounded + 1e-9)) else places), 0, 12)
    else
        4
