/// Whether a difference is more than the noise of the seeds: exact tests for few runs, and the number of runs that they need.
///
/// Paired runs: the sign-flip test (Fisher, "The Design of Experiments", 1935, § 21). If both rows are equally good, each difference could
/// also have the other sign, so the p-value is the share of all sign patterns whose mean is at least as far from zero. n pairs have 2ⁿ
/// patterns, so no p-value is below 2/2ⁿ, and five pairs cannot reach .05. Unpaired runs: the permutation test over all divisions of the
/// runs into the two groups. Both tests are two-sided.
///
/// Up to 40 pairs, or 40 runs of both rows together, every pattern is counted, without visiting each: a pattern is a pattern of one half
/// of the numbers and one of the other, and of two sorted lists of 2²⁰ sums the pairs beyond a bound are counted in one pass ("meet in the
/// middle"; Horowitz and Sahni, "Computing partitions with applications to the knapsack problem", 1974).
module Ebm.Analysis.Significance

open System
open Ebm.Records

/// The level of every test and interval.
let level = 0.05

/// The sign patterns of more pairs than this are sampled.
let exactPairs = 40

/// Divisions of more runs than this are sampled, if there are more than `exactDeals`.
let exactRuns = 40

/// This many divisions are always counted: three runs beside a hundred have 176,851.
let exactDeals = 200_000L

/// The number of random patterns of a sampled test, without the observed one.
let patterns = 19_999

// ── Ties ────────────────────────────────────────────────────────────────────────────────────

/// The relative error of one rounding, to the nearest number.
let private rounding = Math.ScaleB(1.0, -53)

/// The lowest absolute sum that counts as at least as far from zero as the observed sum.
///
/// Sums that are equal in decimal notation differ by rounding: each number was rounded when it was read, each difference when it was
/// subtracted, and each sum of n numbers n − 1 times. With `size`, the sum of the absolute numbers that are added, and `inputs`, that of
/// the values that they came from, two sums of one exact value differ by at most 2u (inputs + n size), where u is the rounding. 1e-11
/// times the size is more than 4u n size for n below 20,000. A pattern nearer to the observed sum than this tolerance counts as equal.
let private bound (inputs: float) (size: float) (observed: float) = abs observed - max (1e-11 * size) (4.0 * rounding * inputs)

/// The values divided by one power of two, so that neither their sums nor their differences exceed the range of numbers. Ordinary values
/// stay as they are.
let private inRange (values: float[]) = Statistics.scaledBy (Statistics.exponent values) values

// ── Counting ────────────────────────────────────────────────────────────────────────────────

/// Two sorted arrays as one, each with a number added to it.
let private merged (one: float[]) (add: float) (other: float[]) (addOther: float) =
    let mutable i, j = 0, 0

    Array.init (one.Length + other.Length) (fun _ ->
        if j = other.Length || (i < one.Length && one[i] + add <= other[j] + addOther) then
            i <- i + 1
            one[i - 1] + add
        else
            j <- j + 1
            other[j - 1] + addOther)

/// The number of sums of an element of each sorted array whose absolute value is at least the bound, which is positive.
let private far (bound: float) (one: float[]) (other: float[]) =
    // As the first element rises, more of the second array lies above the bound, and less below its negative.
    let mutable above, below, count = other.Length, other.Length, 0L

    for sum in one do
        while above > 0 && sum + other[above - 1] >= bound do
            above <- above - 1

        while below > 0 && sum + other[below - 1] > -bound do
            below <- below - 1

        count <- count + int64 (other.Length - above) + int64 below

    count

/// The sorted sums for every sign pattern.
let private signedSums (differences: float[]) =
    ([| 0.0 |], differences) ||> Array.fold (fun sums difference -> merged sums -(abs difference) sums (abs difference))

/// The sorted sums of all subsets, by the number of their elements.
let private subsetSums (values: float[]) =
    (Array.init (values.Length + 1) (fun size -> if size = 0 then [| 0.0 |] else [||]), values)
    ||> Array.fold (fun sums value -> sums |> Array.mapi (fun size here -> if size = 0 then here else merged here 0.0 sums[size - 1] value))

/// The two-sided p-value of differences against a mean of zero; `inputs` is the sum of the absolute values that were subtracted.
let private flipped (generator: Generator) (inputs: float) (differences: float[]) =
    let n = differences.Length
    let bound = bound inputs (differences |> Array.sumBy abs) (Array.sum differences)

    if n = 0 || bound <= 0.0 then
        1.0
    elif n <= exactPairs then
        // The first sign is fixed, because the other half of the patterns are the negatives of these.
        let one, other = differences[1..] |> Array.splitAt ((n - 1) / 2)
        let one = signedSums one |> Array.map (fun sum -> sum + differences[0])
        float (far bound one (signedSums other)) / Math.ScaleB(1.0, n - 1)
    else
        let mutable hits = 1

        for _ in 1..patterns do
            let mutable bits, sum = 0UL, 0.0

            for i in 0 .. n - 1 do
                if i % 64 = 0 then bits <- generator.Next()
                sum <- if bits &&& 1UL = 0UL then sum + differences[i] else sum - differences[i]
                bits <- bits >>> 1

            if abs sum >= bound then hits <- hits + 1

        float hits / float (patterns + 1)

/// The two-sided p-value of differences against a mean of zero: exact up to 40 differences, above that from random sign patterns.
let signFlip (generator: Generator) (differences: float[]) = flipped generator 0.0 (inRange differences)

/// The two-sided p-value of pairs against equal means: exact up to 40 pairs, above that from random sign patterns.
let paired (generator: Generator) (pairs: (float * float)[]) =
    let values =
        inRange [|
            for a, b in pairs do
                yield! [ a; b ]
        |]
    let differences = values |> Array.chunkBySize 2 |> Array.map (fun pair -> pair[0] - pair[1])
    flipped generator (values |> Array.sumBy abs) differences

/// The number of ways to choose k of n, or a number above a trillion.
let private deals n k =
    let mutable count = 1L

    for i in 1L .. int64 (min k (n - k)) do
        if count <= 1_000_000_000_000L then count <- count * (int64 n - i + 1L) / i

    count

/// Whether all divisions into groups of these sizes are counted.
let private isExact one other = one + other <= exactRuns || deals (one + other) one <= exactDeals

/// The two-sided p-value of two independent groups against equal means: exact up to 40 runs or 200,000 divisions of them, above that from
/// random divisions.
let permutation (generator: Generator) (one: float[]) (other: float[]) =
    let all = inRange (Array.append one other)
    let n, k = all.Length, one.Length

    if one.Length = 0 || other.Length = 0 then
        1.0
    else
        // The mean has up to n roundings, and is subtracted from each value of a group.
        let inputs = float n * (all |> Array.sumBy abs)
        // With the mean of all runs as the origin, the difference of means is a multiple of the first group's sum.
        let centre = Array.average all
        let all = all |> Array.map (fun value -> value - centre)
        let bound = bound inputs (all |> Array.sumBy abs) (Array.sum all[.. k - 1])

        if bound <= 0.0 then
            1.0
        elif n <= exactRuns then
            let one, other = all |> Array.splitAt (n / 2)
            let one, other = subsetSums one, subsetSums other
            let sizes = [ max 0 (k - other.Length + 1) .. min k (one.Length - 1) ]
            float (sizes |> List.sumBy (fun size -> far bound one[size] other[k - size])) / float (deals n k)
        elif isExact k (n - k) then
            let mutable hits = 0L

            let rec deal from left sum =
                if left = 0 then
                    if abs sum >= bound then hits <- hits + 1L
                else
                    for i in from .. n - left do
                        deal (i + 1) (left - 1) (sum + all[i])

            deal 0 k 0.0
            float hits / float (deals n k)
        else
            let mutable hits = 1
            let cards = Array.copy all

            for _ in 1..patterns do
                let mutable sum = 0.0

                for i in 0 .. k - 1 do
                    let j = i + generator.Below(n - i)
                    let card = cards[j]
                    cards[j] <- cards[i]
                    cards[i] <- card
                    sum <- sum + card

                if abs sum >= bound then hits <- hits + 1

            float hits / float (patterns + 1)

/// The smallest p-value that this number of pairs can give.
let smallestPaired pairs =
    if pairs = 0 then 1.0 else max (2.0 ** float (1 - pairs)) (if pairs <= exactPairs then 0.0 else 1.0 / float (patterns + 1))

/// The smallest p-value that groups of these sizes can give.
let smallestUnpaired one other =
    if one = 0 || other = 0 then
        1.0
    elif not (isExact one other) then
        1.0 / float (patterns + 1)
    // With groups of one size, the lowest runs in one group are as extreme as the highest runs.
    else
        min 1.0 ((if one = other then 2.0 else 1.0) / float (deals (one + other) one))

/// The number of runs of two rows, and the number of seeds that both have.
type Sizes = { Common: int; One: int; Other: int }

/// A two-sided test of two rows of runs. A further test is a further value in `tests`.
[<ReferenceEquality>]
type Test = {
    /// The name in files and specifications.
    Name: string
    /// The name in the notes below a table.
    Says: string
    /// It compares the values on common seeds, otherwise all values.
    Paired: bool
    Needs: Sizes -> bool
    /// The smallest p-value that it can give.
    Smallest: Sizes -> float
    /// The p-value, from the values on common seeds and from all values of both rows.
    P: Generator -> (float * float)[] -> float[] -> float[] -> float
}

/// The tests that a table uses if it names none. The first ones assume least but need most of the runs.
let usual = [
    {
        Name = "sign-flip"
        Says = "sign flips over common seeds"
        Paired = true
        Needs = fun sizes -> sizes.Common > 0 && 2 * sizes.Common >= min sizes.One sizes.Other
        Smallest = fun sizes -> smallestPaired sizes.Common
        P = fun generator pairs _ _ -> paired generator pairs
    }
    {
        Name = "permutation"
        Says = "permutation"
        Paired = false
        Needs = fun _ -> true
        Smallest = fun sizes -> smallestUnpaired sizes.One sizes.Other
        P = fun generator _ one other -> permutation generator one other
    }
]

/// All tests that a table can name. Add another test here; tables that name none stay as they are.
let tests = usual

/// The first of some tests whose requirements two rows meet, else the last.
let fitting (tests: Test list) sizes =
    tests |> List.tryFind (fun test -> test.Needs sizes) |> Option.defaultWith (fun () -> List.last tests)

/// Holm's adjusted p-values, in the order of the given ones. If every one that is at most the level is rejected, the probability of any
/// false rejection is at most the level (Holm, "A simple sequentially rejective multiple test procedure", 1979).
let holm (p: float[]) =
    let adjusted = Array.zeroCreate p.Length
    let mutable highest = 0.0

    p
    |> Array.indexed
    |> Array.sortBy snd
    |> Array.iteri (fun rank (i, p') ->
        highest <- max highest (min 1.0 (float (p.Length - rank) * p'))
        adjusted[i] <- highest)

    adjusted

/// Which of several tests can reach the level at all, given the smallest p-value of each. The others are not part of the family and do
/// not count in Holm's factor (Tarone, "A modified Bonferroni method for discrete data", 1990).
let testable (smallest: float[]) =
    let within k = smallest |> Array.map (fun p -> p <= level / float k)
    let k = Seq.initInfinite (fun i -> i + 1) |> Seq.find (fun k -> (within k |> Array.filter id |> Array.length) <= k)
    within k

/// The fewest pairs with which a test can reach the level among this number of tests.
let pairsNeeded tests = Seq.initInfinite id |> Seq.find (fun n -> 2.0 ** float (1 - n) * float (max 1 tests) <= level)

/// The probability that a run of one is better than a run of the other, where a tie counts half: Mann and Whitney's U divided by the number
/// of pairs. Give a diverged run as NaN; it is worse than any value. NaN if either has no run.
let improvement (better: Direction) (one: float[]) (other: float[]) =
    let score value = if Double.IsNaN value then -infinity else -better.Cost value
    let mutable wins = 0.0

    for a in one do
        for b in other do
            let a, b = score a, score b
            wins <-
                wins
                + (if a > b then 1.0
                   elif a = b then 0.5
                   else 0.0)

    wins / float (one.Length * other.Length)

/// Pearson's correlation of pairs: how much of the noise the seeds give to both. NaN for fewer than three pairs, or if one side is
/// constant.
let correlation (one: float[]) (other: float[]) =
    if one.Length < 3 then
        nan
    else
        let one, other = inRange one, inRange other
        let a, b = Statistics.mean one, Statistics.mean other
        let along f = Array.map2 f one other |> Array.sum
        let ab, aa, bb = along (fun x y -> (x - a) * (y - b)), along (fun x _ -> (x - a) * (x - a)), along (fun _ y -> (y - b) * (y - b))
        if aa = 0.0 || bb = 0.0 then nan else Math.Clamp(ab / sqrt (aa * bb), -1.0, 1.0)
