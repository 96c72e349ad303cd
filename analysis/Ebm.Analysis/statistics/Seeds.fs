/// How many paired seeds the test of a table needs to find a difference, for normal differences of the pairs.
///
/// Up to 20 seeds, the sign-flip test itself is applied to simulated differences, because so few seeds have few sign patterns. For more
/// seeds, its power is that of the paired t-test at the level that its patterns can reach: the power is the mean over the distribution of
/// the standard deviation, which is Student's noncentral distribution (Lehmann and Romano, "Testing Statistical Hypotheses", 2005, §15.2, for
/// the equality of the two in large samples).
module Ebm.Analysis.Seeds

open System
open MathNet.Numerics.Distributions

/// Simulated tests of one number of seeds: the standard error of a power of .8 is .006.
let private tests = 4000

/// The most seeds that are simulated.
let simulatedSeeds = 20

/// More seeds than this are not looked for.
let most = 100_000

/// The level at which one of several tests is certainly significant by Holm's method, and that the patterns of `seeds` signs can reach.
let private reached (among: int) seeds =
    let level = Significance.level / float among
    if seeds > Significance.exactPairs then level else floor (Math.ScaleB(level, seeds - 1)) / Math.ScaleB(1.0, seeds - 1)

/// The probability that the sign-flip test finds a mean of `effect` standard deviations, by simulation.
let simulated (among: int) (effect: float) (seeds: int) : float =
    let generator = Generator.Of("power", $"{seeds}")
    let uniform () = (float (generator.Next() >>> 11) + 0.5) / 9007199254740992.0
    let level = Significance.level / float among

    let found =
        Seq.init tests (fun _ -> Array.init seeds (fun _ -> effect + Normal.InvCDF(0.0, 1.0, uniform ())))
        |> Seq.filter (fun differences -> Significance.signFlip generator differences <= level)
        |> Seq.length

    float found / float tests

/// The probability that the paired t-test finds a mean of `effect` standard deviations at a level.
let ofStudent (level: float) (effect: float) (seeds: int) : float =
    if level <= 0.0 then
        0.0
    else
        let freedom = float (seeds - 1)
        let bound = StudentT.InvCDF(0.0, 1.0, freedom, 1.0 - level / 2.0)
        let shift = effect * sqrt (float seeds)
        let points = 200

        Seq.init points (fun i ->
            let spread = sqrt (ChiSquared.InvCDF(freedom, (float i + 0.5) / float points) / freedom)
            Normal.CDF(0.0, 1.0, shift - bound * spread) + Normal.CDF(0.0, 1.0, -shift - bound * spread))
        |> Seq.average

/// The power of a table's test with this many paired seeds, one of `among` tests of a column.
let power among effect seeds =
    if seeds <= simulatedSeeds then simulated among effect seeds else ofStudent (reached among seeds) effect seeds

/// The fewest paired seeds with which the test finds a mean difference of `effect` standard deviations with the wanted probability; None for
/// more than 100,000.
let needed (among: int) (effect: float) (wanted: float) : int option =
    let least = Significance.pairsNeeded among
    let effect = abs effect
    let level = Significance.level / float among

    if Double.IsPositiveInfinity effect then
        Some least
    elif not (effect > 0.0) || ofStudent level effect most < wanted then
        None
    else
        // The first number of seeds between two bounds with this power, which grows with the seeds.
        let rec between low high =
            if high - low <= 1 then
                high
            else
                let middle = (low + high) / 2
                if ofStudent level effect middle >= wanted then between low middle else between middle high

        let start = max least (between 1 most - 1)
        Seq.initInfinite (fun i -> start + i) |> Seq.find (fun seeds -> power among effect seeds >= wanted) |> Some

/// The upper 80 % limit of a standard deviation that was estimated from this number of normal values: the variance divided by the .2 quantile of
/// its chi-square distribution.
let upper (values: int) (sd: float) : float =
    let freedom = float (values - 1)
    sd * sqrt (freedom / ChiSquared.InvCDF(freedom, 0.2))
